"""Reports, the list of them, their recipients, and the links that show them without a token."""
