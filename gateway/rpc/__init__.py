"""Calls of the services behind: channels, batches, streams."""
