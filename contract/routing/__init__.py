"""Who is told of an incident: contacts, rotas, escalations, a tree of routes; notices, silences. Pure."""
