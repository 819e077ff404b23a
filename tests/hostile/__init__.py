"""A hostile tenant and a hostile stranger, each doing its worst, while two other tenants work."""
