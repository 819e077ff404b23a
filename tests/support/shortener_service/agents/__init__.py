"""Real user agents of people and programs, with who sends them."""
