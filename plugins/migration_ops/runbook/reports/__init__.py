"""Reports of the runbook: their text and charts, their history in the evidence bucket, and who is notified of what."""
