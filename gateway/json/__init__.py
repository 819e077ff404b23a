"""JSON as the API speaks it: numbers as they were written, every fault at once."""
