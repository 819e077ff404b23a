"""Events: read, judged, and kept once."""
