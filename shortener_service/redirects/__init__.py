"""Redirects: from a hit to its outcome, and the click that it leaves."""
