"""People: their profiles, and what they did."""
