"""Leadership's figures from rollups to what is told, and what figures should be.

Pure; may import the words beside it.
"""
