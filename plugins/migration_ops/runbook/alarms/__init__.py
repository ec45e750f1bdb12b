"""CloudWatch alarms of the runbook's table: which are wanted, how existing ones differ, and their correction."""
