"""Requests that were refused since there were too many of them: how many, and of what kind."""
