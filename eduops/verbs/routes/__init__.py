"""The verb `eduops routes test`: who would be told of an incident. Shell."""
