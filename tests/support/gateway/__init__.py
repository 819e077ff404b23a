"""What tests of the gateway stand on: small services behind it, and readers of its answers."""
