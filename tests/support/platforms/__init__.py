"""Platforms of shops: how they sign, what they tell, and the connections that they send to."""
