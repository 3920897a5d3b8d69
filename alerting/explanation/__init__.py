"""Why an alert is there: the evidence, the verdict on it, and its sentences. Pure."""
