"""Hosts that no link may lead to."""
