"""What could not be stored, set aside with the reason."""
