"""What pages and programs read over HTTP, and what operators do. Shell."""
