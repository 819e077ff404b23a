"""Runs with real containers what operators are told to do: `make containers`."""
