"""What was reported: reports, the ledger that keeps them, and what they say about states."""
