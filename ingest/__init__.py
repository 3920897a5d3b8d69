"""The MQTT door: receive, accept, append, acknowledge.

Shell around pure rooms. May import bus, contract.
"""
