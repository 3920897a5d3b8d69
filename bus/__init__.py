"""The only place with NATS and MQTT: the telemetry log, live events, the MQTT sessions."""
