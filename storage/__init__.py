"""The only place with SQL: schema, migrations, COPY BINARY, named queries, views of the wall."""
