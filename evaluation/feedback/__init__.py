"""What engineers said of alerts, as labels. Shell: it reads files."""
