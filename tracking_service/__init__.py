"""Records clicks and events, and reports on them: all that PostgreSQL holds."""
