"""A backup by DynamoDB's own export: a point in time, without reading the table; checked, then given our manifest."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from hashlib import md5, sha256
from typing import Any

from migration_ops.aws.reader import plain_json
from migration_ops.core.batches import side_by_side
from migration_ops.core.errors import StepFailedError, UnknownError
from migration_ops.runbook.backup.create import iso
from migration_ops.runbook.backup.export_manifests import read_manifests
from migration_ops.runbook.backup.jsonl import LineRefusedError, Reading, read_lines
from migration_ops.runbook.backup.manifest import EXPORT, BackupNotWholeError, Manifest, Part, manifest_key
from migration_ops.runbook.backup.refused import is_refused_export, made_before
from migration_ops.runbook.backup.serialization import Tally, canonical_lines
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.table import Described, ask

COMPLETED, FAILED, IN_PROGRESS = "COMPLETED", "FAILED", "IN_PROGRESS"
AT_ONCE = 4
# Exports of one run within the eight hours of a token, when somebody clears the task again and again.
MOST_EXPORTS = 20
Document = dict[str, Any]


def start_export(client: Any, store: BackupStore, table: Described, base: str) -> str:
    """
    Starts the export of a run's backup, or finds the one started for it. Returns the export's ARN.

    DynamoDB remembers a token for eight hours. After an unknown outcome the same token finds the same export; after an
    export that failed, or whose files were found bad, the next token makes another one.

    :raises MigrationError: DynamoDB refused it, or its outcome is unknown; trying again is harmless.
    """
    arn = ""
    for attempt in range(MOST_EXPORTS):
        request = _request(store, table, base, attempt)
        found = ask(lambda: client.export_table_to_point_in_time(**request))["ExportDescription"]  # noqa: B023 - at once
        arn = str(found["ExportArn"])
        # A new export is in progress: what has failed or is complete was started earlier.
        status = found.get("ExportStatus")
        if status == FAILED or (status == COMPLETED and is_refused_export(store, base, arn)):
            continue
        return arn
    return arn


def _request(store: BackupStore, table: Described, base: str, attempt: int) -> Document:
    request: Document = {
        "TableArn": table.arn,
        "S3Bucket": store.bucket,
        "S3Prefix": base,
        "S3SseAlgorithm": "KMS" if store.protection.algorithm.startswith("aws:kms") else "AES256",
        "ExportFormat": "DYNAMODB_JSON",
        "ExportType": "FULL_EXPORT",
    }
    if store.owner:
        request["S3BucketOwner"] = store.owner
    if store.protection.key_id:
        request["S3SseKmsKeyId"] = store.protection.key_id
    # A hash of the whole request: DynamoDB refuses a token that comes with another bucket or key than before.
    token = sha256(json.dumps([attempt, request], sort_keys=True).encode()).hexdigest()[:36]
    return request | {"ClientToken": token}


def look_at_export(client: Any, export_arn: str) -> Document | None:
    """The description of an export that is complete; None while it is in progress.

    :raises StepFailedError: it failed, with DynamoDB's reason.
    :raises MigrationError: DynamoDB could not be asked.
    """
    found: Document = plain_json(ask(lambda: client.describe_export(ExportArn=export_arn))["ExportDescription"])
    status = found.get("ExportStatus")
    if status == IN_PROGRESS:
        return None
    if status != COMPLETED:
        raise StepFailedError(
            "DynamoDB's export failed",
            exportArn=export_arn,
            status=status,
            failureCode=found.get("FailureCode"),
            failureMessage=found.get("FailureMessage"),
        )
    return found


def seal_export(
    store: BackupStore, table: Described, base: str, run_id: str, found: Document, now: Callable[[], datetime]
) -> Manifest:
    """
    Checks the export against its own manifests and checksums, then writes our manifest.

    :param found: the export's description.
    :raises BackupNotWholeError: a file is missing or is not what the export's manifest says, or a line is no item.
    :raises MigrationError: S3 could not be read, or the export's description lacks a count or a time.
    """
    finished = made_before(store, base)
    if finished is not None:
        return finished
    folder = f"{base}/AWSDynamoDB/{found['ExportArn'].rsplit('/', 1)[-1]}"
    summary, files = read_manifests(store, folder)
    read = side_by_side(files, lambda one: _file(store, base, one), AT_ONCE)
    tally = Tally()
    for _, one in read:
        tally.merge(one)
    counts = {tally.items, _number(found, "ItemCount"), summary["itemCount"]}
    if len(counts) != 1:
        raise BackupNotWholeError("the export's counts differ", base=base, counts=sorted(counts))
    manifest = Manifest(
        table=table.name,
        table_arn=table.arn,
        run_id=run_id,
        mode=EXPORT,
        started_at=_time(found, "StartTime"),
        ended_at=_time(found, "EndTime") if found.get("EndTime") else iso(now()),
        consistent_at=_time(found, "ExportTime"),
        items=tally.items,
        raw_bytes=tally.raw_bytes,
        digest=tally.digest,
        create_table=table.create_table,
        settings=table.settings,
        parts=tuple(part for part, _ in read),
        export={"arn": found["ExportArn"], "folder": folder},
    )
    store.put_document(manifest_key(base), manifest.as_document())
    return manifest


def _number(document: Document, name: str) -> int:
    if not isinstance(document.get(name), int):
        raise UnknownError(f"the export does not say its {name}")
    return int(document[name])


def _time(document: Document, name: str) -> str:
    if not document.get(name):
        raise UnknownError(f"the export does not say its {name}")
    return iso(datetime.fromisoformat(document[name]))


def _file(store: BackupStore, base: str, entry: Document) -> tuple[Part, Tally]:
    key = entry["dataFileS3Key"]
    # With or without the prefix of the request: the documentation shows one form only.
    key = key if key.startswith(f"{base}/") else f"{base}/{key}"
    # MD5 because the export's own manifest names it; not for security.
    tally, reading = Tally(), Reading(md5=md5(usedforsecurity=False))
    refused = None
    try:
        read_lines(store, key, reading, lambda lines: tally.add_all(canonical_lines(lines)))
    except LineRefusedError as error:
        refused = error
    # First of all, as it says whether the file is as DynamoDB wrote it.
    if b64encode(reading.md5.digest()).decode() != entry["md5Checksum"] or reading.items != entry["itemCount"]:
        raise BackupNotWholeError("a file of the export is not what its manifest says", key=key)
    if refused is not None:
        raise refused
    return Part(key, reading.items, reading.bytes, reading.sha256.hexdigest()), tally
