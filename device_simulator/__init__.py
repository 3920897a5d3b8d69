"""The simulated city's shell: connections, command board, replay of recordings.

Shell around a pure world. May import bus, config, contract.
"""
