"""What is asked of AWS through boto3, and what it answered as plain JSON; decides nothing about migrations.

A call that failed stays visible in what was read, in the place of what it would have answered. Nothing here knows the
wave or the runbook's checks.
"""
