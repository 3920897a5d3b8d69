"""What a payload says: SenML packs, the status of a device. Pure."""
