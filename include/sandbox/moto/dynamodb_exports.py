"""DynamoDB's exports to S3 as AWS writes them, and point-in-time recovery that takes its time.

moto 5.2.5 writes one data file and no manifests, knows no client token, counts nothing in its manifest, and makes an
error of its own of an unknown export. Here: ``manifest-summary.json``, ``manifest-files.json``, their ``.md5`` in
base64, several data files, as in the Developer Guide ("DynamoDB table export output format"); a token makes the same
export for eight hours; an export is IN_PROGRESS at the first look. The latest restorable time is five minutes ago at
most.
"""

from __future__ import annotations

import gzip
import json
import threading
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any
from uuid import uuid4

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.dynamodb.exceptions import ERROR_TYPE_PREFIX, PointInTimeRecoveryUnavailable, TableNotFoundException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import dynamo_json_dump
from moto.dynamodb.responses import DynamoHandler
from moto.s3.models import s3_backends

from include.sandbox.moto.dynamodb_isolation import lock

ITEMS_A_FILE = 1000
TOKEN_HOURS = 8
_exports: dict[str, dict[str, Any]] = {}
_looked_at: set[str] = set()
_making = threading.Lock()


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(DynamoHandler, "_exports_as_aws", False):
        return
    DynamoHandler.export_table_to_point_in_time = _export
    DynamoHandler.describe_export = _describe
    described = DynamoDBBackend.describe_continuous_backups

    def continuous(self: DynamoDBBackend, table_name: str) -> dict[str, Any]:
        answer: dict[str, Any] = described(self, table_name)
        recovery = answer["PointInTimeRecoveryDescription"]
        if recovery["PointInTimeRecoveryStatus"] == "ENABLED":
            now = datetime.now(UTC).timestamp()
            recovery["LatestRestorableDateTime"] = max(recovery["EarliestRestorableDateTime"], now - 300)
        return answer

    DynamoDBBackend.describe_continuous_backups = continuous
    DynamoHandler._exports_as_aws = True


def forget_all() -> None:
    """With an emptied account."""
    _exports.clear()
    _looked_at.clear()


def _error(name: str, message: str) -> JsonRESTError:
    return JsonRESTError(ERROR_TYPE_PREFIX + name, message)


def _export(self: DynamoHandler) -> ActionResult:
    request = {name: value for name, value in self.body.items() if value is not None}
    with _making:
        known = _known(request)
        if known is None:
            known = _make(self.dynamodb_backend, request)
            _exports[known["ExportArn"]] = known
    return ActionResult({"ExportDescription": _shown(known)})


def _known(request: dict[str, Any]) -> dict[str, Any] | None:
    token = request.get("ClientToken")
    since = datetime.now(UTC) - timedelta(hours=TOKEN_HOURS)
    for one in _exports.values():
        if token and one["ClientToken"] == token and one["StartTime"] > since:
            if one["request"] != request:
                raise _error("ExportConflictException", "There was a conflict when writing to the specified S3 bucket.")
            return one
    return None


def _describe(self: DynamoHandler) -> ActionResult:
    arn = self.body["ExportArn"]
    if arn not in _exports:
        raise _error("ExportNotFoundException", f"Export not found: {arn}")
    found = _shown(_exports[arn])
    if arn not in _looked_at:
        _looked_at.add(arn)
        if found["ExportStatus"] == "COMPLETED":
            found |= {"ExportStatus": "IN_PROGRESS", "ItemCount": None, "EndTime": None, "ExportManifest": None}
    return ActionResult({"ExportDescription": {name: one for name, one in found.items() if one is not None}})


def _shown(export: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in export.items() if name != "request" and value is not None}


def _make(backend: DynamoDBBackend, request: dict[str, Any]) -> dict[str, Any]:
    table = next((one for one in backend.tables.values() if one.table_arn == request["TableArn"]), None)
    if table is None:
        raise TableNotFoundException(name=request["TableArn"])
    if table.continuous_backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] != "ENABLED":
        raise PointInTimeRecoveryUnavailable(name=table.name)
    now = datetime.now(UTC)
    export_id = f"{int(now.timestamp() * 1000):014d}-{uuid4().hex[:8]}"
    export = {
        "ExportArn": f"{table.table_arn}/export/{export_id}",
        "ExportStatus": "COMPLETED",
        "StartTime": now,
        "EndTime": now,
        "ExportTime": now,
        "TableArn": table.table_arn,
        "TableId": str(table.id) if hasattr(table, "id") else str(uuid4()),
        "ClientToken": request.get("ClientToken") or str(uuid4()),
        "S3Bucket": request["S3Bucket"],
        "S3BucketOwner": request.get("S3BucketOwner") or backend.account_id,
        "S3Prefix": request.get("S3Prefix"),
        "S3SseAlgorithm": request.get("S3SseAlgorithm", "AES256"),
        "S3SseKmsKeyId": request.get("S3SseKmsKeyId"),
        "ExportFormat": request.get("ExportFormat", "DYNAMODB_JSON"),
        "ExportType": request.get("ExportType", "FULL_EXPORT"),
        "request": request,
    }
    return export | _write(backend, table, export, export_id)


def _write(backend: DynamoDBBackend, table: Table, export: dict[str, Any], export_id: str) -> dict[str, Any]:
    s3 = s3_backends[export["S3BucketOwner"]][backend.partition]
    if export["S3Bucket"] not in s3.buckets:
        failure = {"FailureCode": "S3NoSuchBucket", "FailureMessage": "The specified bucket does not exist"}
        return {"ExportStatus": "FAILED", **failure}
    folder = "/".join(filter(None, (export["S3Prefix"], "AWSDynamoDB", export_id)))
    encryption = "aws:kms" if export["S3SseAlgorithm"] == "KMS" else "AES256"

    def put(key: str, body: bytes) -> str:
        s3.put_object(export["S3Bucket"], key, body, encryption=encryption, kms_key_id=export["S3SseKmsKeyId"])
        return b64encode(md5(body, usedforsecurity=False).digest()).decode()

    with lock:
        lines = [dynamo_json_dump({"Item": item.attrs}) for item in table.all_items()]
    files = []
    for start in range(0, len(lines), ITEMS_A_FILE):
        some = lines[start : start + ITEMS_A_FILE]
        key = f"{folder}/data/{uuid4().hex[:26]}.json.gz"
        digest = put(key, gzip.compress("".join(f"{line}\n" for line in some).encode()))
        files.append({"itemCount": len(some), "md5Checksum": digest, "etag": f"{uuid4().hex}-1", "dataFileS3Key": key})
    size = sum(len(line) for line in lines)
    summary = {
        "version": "2020-06-30",
        "exportArn": export["ExportArn"],
        "startTime": _iso(export["StartTime"]),
        "endTime": _iso(export["EndTime"]),
        "tableArn": export["TableArn"],
        "tableId": export["TableId"],
        "exportTime": _iso(export["ExportTime"]),
        "s3Bucket": export["S3Bucket"],
        "s3Prefix": export["S3Prefix"],
        "s3SseAlgorithm": export["S3SseAlgorithm"],
        "s3SseKmsKeyId": export["S3SseKmsKeyId"],
        "manifestFilesS3Key": f"{folder}/manifest-files.json",
        "billedSizeBytes": size,
        "itemCount": len(lines),
        "outputFormat": export["ExportFormat"],
        "exportType": export["ExportType"],
    }
    put(f"{folder}/_started", b"")
    for name, text in (
        ("manifest-files", "".join(json.dumps(one) + "\n" for one in files)),
        ("manifest-summary", json.dumps(summary)),
    ):
        put(f"{folder}/{name}.md5", put(f"{folder}/{name}.json", text.encode()).encode())
    return {"ExportManifest": f"{folder}/manifest-summary.json", "ItemCount": len(lines), "BilledSizeBytes": size}


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
