"""Commands of operators: migrations, backups, restores, recounts."""
