"""The loads, and the visitors, clicks and links that they are made of."""
