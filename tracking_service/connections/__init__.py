"""Connections to shops: what joins a business to a platform, with the secrets that prove what that sends."""
