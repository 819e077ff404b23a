"""People are erased: what is left of whom, and what clears the rest."""
