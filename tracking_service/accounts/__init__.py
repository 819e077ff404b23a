"""Businesses, their settings, and the tokens of their servers."""
