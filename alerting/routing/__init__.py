"""Who is told of an incident, when and why: routes, rotas and escalations at work. Pure."""
