"""Who is told of an incident: contacts, rotas, escalations and the tree of routes of routes.toml. Pure."""
