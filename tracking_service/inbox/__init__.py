"""The inbox: what platforms send is proved, kept as it came, and turned into events."""
