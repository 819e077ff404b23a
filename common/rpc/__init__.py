"""gRPC as all services speak it: channels, servers, errors."""
