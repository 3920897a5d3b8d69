"""Who may do what, and where: roles, permissions, areas, and the one function that decides. Pure."""
