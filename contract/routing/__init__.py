"""Who is told of an incident: contacts, rotas, escalations, routes of routes.toml, notices, silences. Pure."""
