"""The steps of a wave, one a file: each reads what is true, does what is missing, and records it in the ledger."""
