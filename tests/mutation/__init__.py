"""Mutants of the modules that a launch, an approval and the ledger rest on, against the fast tests: `make mutation`."""
