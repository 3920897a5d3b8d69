"""The only place with SQL: schema, migrations, named queries, COPY BINARY. Shell. May import contract."""
