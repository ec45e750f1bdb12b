"""Backups of the ledger: making, verifying, retention, restore, and recovery drills."""
