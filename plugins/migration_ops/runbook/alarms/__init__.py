"""The alarms of the runbook's table: which must be there, how those that are there differ, and putting that right."""
