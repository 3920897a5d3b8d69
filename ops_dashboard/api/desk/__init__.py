"""Search, and the sheets of providers, areas, systems and data quality, over HTTP. Shell."""
