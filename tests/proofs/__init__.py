"""Proofs by many generated cases; `make proofs` tries all of them."""
