"""In which words somebody is told of an incident: one message, for one channel, in one language. Pure."""
