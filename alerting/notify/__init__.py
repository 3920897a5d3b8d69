"""Who is told of an incident, decided once and remembered; sent by the notifier. Pure."""
