"""Backups: everything that the database holds as one file, and back."""
