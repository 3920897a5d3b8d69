"""The newest summaries, pushed: hub and websocket. Shell."""
