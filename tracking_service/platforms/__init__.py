"""Platforms of shops: what they send, read by pure functions, one module a platform."""
