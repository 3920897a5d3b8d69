"""What people work on: groups of schools, causes, and the incidents folded from the alerts log. Pure."""
