"""Calls to MGN that change something, each sent at most once per intent and reconciled when its outcome is unknown."""
