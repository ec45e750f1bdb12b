"""Backups of the ledger: made, read back, kept for a while, restored, drilled."""
