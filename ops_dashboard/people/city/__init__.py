"""The city's own sign-in (OpenID Connect): there and back, and out again. Shell."""
