"""The operations runbook: what is read once a run, what is judged, who is told."""
