"""Who may connect to the broker: asked at each CONNECT of a device, answered from memory. Shell."""
