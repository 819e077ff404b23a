"""What platforms of shops send, over HTTP."""
