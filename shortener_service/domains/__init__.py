"""Custom domains of businesses."""
