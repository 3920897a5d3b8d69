"""Users, sessions, tokens and screens, as pages, verbs and the door ask for them. Shell."""
