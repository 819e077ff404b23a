"""Commands that create links."""
