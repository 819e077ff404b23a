"""HTTP: connections and their limits, requests, answers, errors, routes."""
