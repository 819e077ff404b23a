"""Routes that are derived from the annotations of the protos."""
