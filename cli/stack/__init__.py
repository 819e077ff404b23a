"""Everything on one machine: the stores and services together, kept running."""
