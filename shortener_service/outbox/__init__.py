"""What is on its way to tracking: kept until it is delivered."""
