"""The ledger, a DynamoDB table: records, hash-chained history, locks and the archive.

Every write is conditional on version and phase. Nothing outside this room writes to the table.
"""
