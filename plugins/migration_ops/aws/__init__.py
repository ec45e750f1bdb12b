"""Calls AWS through boto3 and returns the answers as plain JSON; decides nothing about migrations.

A failed call stays visible in what was read, in place of its answer. Nothing here knows the wave or the runbook's
checks.
"""
