"""From MQTT to the log: decode, accept or reject, append, then acknowledge."""
