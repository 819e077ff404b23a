"""The proof: a load runs while everything is killed, and a ledger is drawn."""
