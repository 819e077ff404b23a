"""Actions: those that every business has, and custom ones."""
