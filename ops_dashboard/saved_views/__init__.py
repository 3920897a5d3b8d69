"""What people keep of a choice in a list, under a name. Shell."""
