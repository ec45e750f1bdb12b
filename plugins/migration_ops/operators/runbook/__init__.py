"""Operators of the runbook's DAGs: read, check, report, notify, and the work of each special chapter."""
