"""Short links over HTTP: redirects, previews, QR codes."""
