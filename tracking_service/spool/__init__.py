"""Events on the local disk while PostgreSQL is away."""
