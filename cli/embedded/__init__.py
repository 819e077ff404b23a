"""Starts real servers out of wheels, as child processes, for machines that have none."""
