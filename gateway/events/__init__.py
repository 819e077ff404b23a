"""Events over HTTP: from pages, from servers, by an image."""
