"""Random bytes over HTTP and gRPC, with well-formed requests beside them that must not notice."""
