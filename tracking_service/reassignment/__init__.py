"""Ids, sessions and what happened in them go to whom the evidence gives them."""
