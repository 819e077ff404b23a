"""Links: created, changed, and written as they are kept."""
