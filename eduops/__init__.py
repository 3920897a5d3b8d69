"""The top: settings (the only reader of the environment), wiring, the command line.

Shell. May import everything.
"""
