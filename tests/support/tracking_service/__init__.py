"""What tests of the tracking service stand on: its callers, what they send, and a story."""
