"""What can be wrong with a backup."""

from __future__ import annotations

from migration_ops.errors import MigrationError, StepFailed


class BackupNotWhole(MigrationError):
    """A manifest or a part is missing, was changed, or does not say what a manifest must say."""

    code = "BACKUP_NOT_WHOLE"
    hint = "Do not restore from it: take another backup, and look at the versions of its objects in S3."


class ItemRefused(StepFailed):
    """DynamoDB does not take an item of the backup: an index of the new table refuses its key."""

    code = "ITEM_REFUSED"
    hint = "Delete the new table and clear the task create with downstream: it leaves such indexes for after the load."


class NoBackup(MigrationError):
    """There is no backup that was verified."""

    code = "NO_BACKUP"
    hint = "Trigger runbook_backup, then clear this task."
