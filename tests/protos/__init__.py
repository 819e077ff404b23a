"""Holds the protos to those of the last release: `make protos-breaking`."""
