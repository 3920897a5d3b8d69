"""The only place with NATS and MQTT: the log, live events, devices, the ingest session.

Shell. May import contract.
"""
