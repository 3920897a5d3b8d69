"""A whole system on one machine: embedded servers, supervisor, first start, rolling restart. Shell."""
