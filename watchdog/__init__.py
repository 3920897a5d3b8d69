"""Sees the pipeline from outside and says when it is dead; shares nothing with log, database and web server.

Shell. May import bus, config, contract.
"""
