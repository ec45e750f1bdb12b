"""The checks of the runbook: each judges what the inventory read, and calls nothing."""
