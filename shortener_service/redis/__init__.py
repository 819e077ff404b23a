"""The store: connections, nodes, a cluster of them, and how keys are spread over it."""
