"""Who a device is to the broker: its name, its secret, and what it may do there. Pure."""
