"""The estate that the runbook looks at: a clean one, and one with a planted problem for every check."""
