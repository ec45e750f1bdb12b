"""The operations runbook: checks by chapter, alarms, queries, backup, reports and who is notified.

It stands beside the wave: neither imports the other.
"""
