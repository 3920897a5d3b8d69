"""Sends the notices of the outbox through the channels of whoever is told, and writes down each answer.

Shell. May import bus, storage, alerting, config, contract.
"""
