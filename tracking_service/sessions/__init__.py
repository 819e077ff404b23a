"""Sessions, and whose they are."""
