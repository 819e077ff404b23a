"""Budgets of senders, shared among gateways."""
