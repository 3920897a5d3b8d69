"""Who is told of an incident: contacts, rotas, escalations, the tree of routes of routes.toml, notices.

Pure.
"""
