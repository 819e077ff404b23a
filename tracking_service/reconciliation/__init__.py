"""Counters and credits held against a recount of the raw rows."""
