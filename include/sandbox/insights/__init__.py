"""CloudWatch Logs Insights for the sandbox: the part of its query language that the runbook's queries need."""
