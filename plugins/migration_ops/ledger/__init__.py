"""The ledger, a DynamoDB table: records, hash-chained history, locks and the archive.

Every write of a record is conditional on its version and phase. Only this package writes to the table.
"""
