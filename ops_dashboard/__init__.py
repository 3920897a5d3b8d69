"""The wall and the engineers' pages: ASGI factory, what the tables say.

Shell around pure rooms. May import bus, storage, alerting, config, contract.
"""
