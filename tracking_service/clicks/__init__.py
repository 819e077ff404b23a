"""What the shortener's relay delivers: clicks, with the links and sessions that they need."""
