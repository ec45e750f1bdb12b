"""Findings about how many items a backup holds compared with earlier ones, and about where it is kept."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.errors import SDK_ERRORS, AccessDeniedError, to_aws_error
from migration_ops.core.errors import MigrationError
from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.runbook.backup.earlier import Earlier
from migration_ops.runbook.backup.findings import CRITICAL, OK, UNKNOWN, WARNING, finding
from migration_ops.runbook.backup.manifest import Manifest
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.verify import PROBLEMS_SHOWN

# GetBucketLocation answers nothing for us-east-1, and EU for old buckets in eu-west-1.
_REGIONS = {"": "us-east-1", "EU": "eu-west-1"}


def of_items(manifest: Manifest, earlier: Earlier, min_percent: float, accepted: bool) -> Finding:
    """
    Whether the backup may take the place of the last verified one.

    :param min_percent: least number of items, in percent of the earlier backup's.
    :param accepted: a person accepted fewer items (the param ``acceptFewerItems``).
    """
    verdict, reason = _judged(manifest, earlier, min_percent)
    if accepted and verdict in (CRITICAL, UNKNOWN):
        verdict, reason = WARNING, f"{reason}; accepted by this run's acceptFewerItems"
    reference = earlier.reference
    return finding(
        "backup_items",
        manifest.table,
        verdict,
        reason,
        value=manifest.items,
        limit=round(reference.items * min_percent / 100, 1) if reference else None,
        evidence=tuple(earlier.unread[:PROBLEMS_SHOWN]),
    )


def _judged(manifest: Manifest, earlier: Earlier, min_percent: float) -> tuple[FindingStatus, str]:
    reference, items = earlier.reference, manifest.items
    if reference and reference.table == manifest.table and _is_elsewhere(reference, manifest):
        return CRITICAL, f"the backup is of {manifest.table_arn}, the one before of {reference.table_arn}"
    if reference and items * 100 < reference.items * min_percent:
        of = "" if reference.table == manifest.table else f" of the table {reference.table}"
        return CRITICAL, f"{items} items, but {reference.items} in the backup{of} of {reference.consistent_at}"
    if earlier.unread:
        return UNKNOWN, f"{len(earlier.unread)} earlier backups cannot be read: nobody knows how many items there were"
    if reference:
        return OK, f"{items} items, {reference.items} in the backup of {reference.consistent_at}"
    return OK, "the first backup" if items else "the ledger is empty, nothing to back up yet"


def _is_elsewhere(reference: Manifest, manifest: Manifest) -> bool:
    return bool(reference.table_arn and manifest.table_arn) and reference.table_arn != manifest.table_arn


def may_be_marked(found: Finding, manifest: Manifest, earlier: Earlier, accepted: bool) -> bool:
    """Whether a backup without problems counts as verified. An empty one does only when a person accepted that."""
    if found.verdict in (CRITICAL, UNKNOWN):
        return False
    return manifest.items > 0 or accepted or _is_accepted_empty(earlier)


def is_accepted(manifest: Manifest, earlier: Earlier, accepted: bool) -> bool:
    """Whether the mark says accepted; that the ledger is empty needs to be accepted once only."""
    return accepted or (not manifest.items and _is_accepted_empty(earlier))


def _is_accepted_empty(earlier: Earlier) -> bool:
    return earlier.verified is not None and not earlier.verified.manifest.items


def of_place(store: BackupStore, manifest: Manifest) -> Finding:
    """Whether the loss of the table's account or Region would take the backup as well.

    :raises MigrationError: S3 could not be asked at the moment.
    """
    region, account = manifest.table_arn.split(":")[3:5]
    try:
        found_region, is_same_account = _place_of(store, account)
    except MigrationError as error:
        if error.retryable:
            raise
        return finding("backup_place", store.bucket, UNKNOWN, f"nobody knows where the bucket is: {error.message}")
    same = [name for name, is_it in (("account", is_same_account), ("Region", found_region == region)) if is_it]
    if same:
        # A matter of setup, not of this backup: stated, but OK.
        reason = f"in the same {' and '.join(same)} as the table: what takes that away takes both"
    else:
        reason = "in another account and another Region than the table"
    return finding("backup_place", store.bucket, OK, reason, value=found_region)


def _place_of(store: BackupStore, account: str) -> tuple[str, bool]:
    if store.owner:
        return _region(store, ExpectedBucketOwner=store.owner), store.owner == account
    try:
        return _region(store, ExpectedBucketOwner=account), True
    except AccessDeniedError:
        # The bucket is another account's; or the role may not ask at all, and this call is refused too.
        return _region(store), False


def _region(store: BackupStore, **more: Any) -> str:
    try:
        found = store.client.get_bucket_location(Bucket=store.bucket, **more).get("LocationConstraint") or ""
    except SDK_ERRORS as error:
        raise to_aws_error(error, mutating=False) from error
    return _REGIONS.get(found, str(found))
