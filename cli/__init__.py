"""The `clicktrail` command."""
