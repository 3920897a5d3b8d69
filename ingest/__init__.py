"""The MQTT door: receive, accept, append, acknowledge; the authoriser, who says which device may come in.

Shell around pure rooms. May import bus, contract; the authoriser storage too.
"""
