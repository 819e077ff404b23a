"""What tests of the shortener stand on: its callers, and a tracking service behind it."""
