"""Counters of clicks and events: by scope and quarter of an hour, and by what clicks came from."""
