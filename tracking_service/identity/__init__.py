"""Who somebody is: the evidence, and what is decided from it."""
