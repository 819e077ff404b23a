"""How much a sender may ask for: budgets by business, by address and by what is asked, shared among gateways."""
