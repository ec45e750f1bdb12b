"""The steps of a wave, one per file: each reads MGN and ledger, does what is missing, and records it in the ledger."""
