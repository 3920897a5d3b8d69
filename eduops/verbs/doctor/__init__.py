"""The verb `eduops doctor`: what is looked at, a sentence each. Shell."""
