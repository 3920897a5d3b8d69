"""From the log to the tables: the worker and its owners around a pure fold.

Shell. May import bus, storage, anomaly, alerting, contract.
"""
