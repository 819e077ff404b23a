"""Webhooks among the faults."""
