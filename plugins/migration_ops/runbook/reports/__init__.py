"""Reports of the runbook: text, charts, history in the evidence bucket, and notifications."""
