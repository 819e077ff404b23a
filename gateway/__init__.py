"""Speaks HTTP to the world and gRPC to the services; owns no store."""
