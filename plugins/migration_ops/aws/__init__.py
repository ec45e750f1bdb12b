"""What speaks to AWS: sessions, error translation, reads, metrics, evidence and stacks.

Only this room and ``ledger`` import boto3 or botocore; what a service answers leaves here as plain documents or views.
"""
