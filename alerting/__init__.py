"""The life of an alert, pure: lifecycle and grouping."""
