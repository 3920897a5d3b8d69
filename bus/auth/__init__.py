"""How the broker asks who a device is: the callout and what is signed for it (NATS JWT). Shell."""
