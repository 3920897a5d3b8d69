"""The pages as Dash components, a module each. Shell."""
