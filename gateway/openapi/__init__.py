"""Writes the document of the API out of what its routes and protos say of themselves."""
