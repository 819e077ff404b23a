"""Resolves codes, issues sessions, creates links: all that Redis holds."""
