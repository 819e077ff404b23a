"""What the services share; none of it knows a store or a route."""
