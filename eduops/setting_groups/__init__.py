"""The settings by what they are about, and how they are checked; `eduops.settings` reads them. Shell."""
