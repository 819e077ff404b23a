"""The tracking library for pages, and the routes that it calls beside those for events."""
