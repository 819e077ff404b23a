"""Requests to servers of others, through one client that reaches nothing within our own networks."""
