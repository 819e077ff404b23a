"""The demo: the whole trail once, as the world would walk it."""
