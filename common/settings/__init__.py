"""Settings: their names, their texts, and the addresses of stores among them."""
