"""What the package knows about AWS itself. Rooms above (waves, runbook) build on it; it knows none of them."""
