"""What a verb of the command line does, a module each. Shell."""
