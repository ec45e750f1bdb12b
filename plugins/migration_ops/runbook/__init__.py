"""The operations runbook: checks by chapter, alarms, queries, backup, reports and who is notified.

Independent of the package ``wave``: neither imports the other.
"""
