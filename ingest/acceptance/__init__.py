"""What enters and what does not: a batch of messages in, readings and refusals out. Pure."""
