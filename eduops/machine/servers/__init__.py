"""The servers that come along, NATS and PostgreSQL, as processes of ours. Shell."""
