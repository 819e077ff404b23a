"""Commands that show reports, and share them."""
