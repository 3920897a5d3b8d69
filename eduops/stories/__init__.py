"""Stories: every state of the screens, from canned data through the real pages; `eduops stories`. Shell."""
