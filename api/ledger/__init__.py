"""The ledger: entries are chained, read again, and signed for in checkpoints."""
