"""Which click an event is credited to, and what it earned: decided, kept, and decided again."""
