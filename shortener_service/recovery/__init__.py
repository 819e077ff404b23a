"""An emptied Redis is brought back from the second copies."""
