"""Growth by week: migrations from the ledger's index, bytes of buckets and logs from CloudWatch."""

from __future__ import annotations

from datetime import datetime
from statistics import fmean
from typing import Any

from migration_ops.aws.inventory.lambda_functions import FUNCTION_LOG_PREFIX
from migration_ops.aws.metrics import Metric, read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import side_by_side
from migration_ops.core.documents import iso
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing
from migration_ops.core.series import by_week, day_ends, whole_days
from migration_ops.core.states import Status
from migration_ops.ledger.items import from_value

DAY_SECONDS, BYTES_A_MIB = 86_400, 1024**2
INDEX = "status-timestamp-index"
Values = list[tuple[datetime, float]]


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``series``: ``name, kind`` (migrations, bucket, logs, table), ``unit, weeks [[end, value]]``, ``isHistoryExpected``.
    The ledger's table (kind table) has no weeks, because AWS keeps no history of it, but ``size {items, bytes}`` now.
    """
    span = whole_days(reader.now, reader.config.thresholds.capacity.history_days)
    migrations, groups, table = side_by_side(
        (lambda: _migrations(reader), lambda: _log_groups(reader), lambda: _table(reader)), lambda ask: ask()
    )
    buckets = sorted({reader.settings.evidence_bucket, reader.config.resources.backup_bucket} - {""})
    names = [] if is_failed(groups) else groups
    metrics = [_bucket_metric(one) for one in buckets] + [_log_metric(one) for one in names]
    values = read_metrics(reader, metrics, *span)
    series = [{"name": "migrations", "kind": "migrations", "unit": "a week", "weeks": migrations}]
    series += [_series(one, "bucket", "MiB", values[f"bucket|{one}"], span) for one in buckets]
    series += [_series(one, "logs", "MiB a week", values[f"logs|{one}"], span) for one in names]
    if is_failed(groups):
        series.append({"name": "*", "kind": "logs", "unit": "MiB a week", "weeks": groups})
    series.append({"name": reader.settings.table_name, "kind": "table", "unit": "items", "weeks": [], "size": table})
    expected = reader.config.resources.expects("history")
    return {"series": [one | {"isHistoryExpected": expected} for one in series]}


def _series(name: str, kind: str, unit: str, answer: Any, span: tuple[datetime, datetime]) -> dict[str, Any]:
    """One series. A log group has no value on days without new lines, so its empty weeks are 0."""
    found = {"name": name, "kind": kind, "unit": unit, "weeks": answer}
    if is_failed(answer):
        return found
    values = [(end, value / BYTES_A_MIB) for end, value in day_ends(answer)]
    weeks = by_week(values, *span, sum, empty=0.0) if kind == "logs" else by_week(values, *span, fmean)
    return found | {"weeks": [[end.isoformat(), round(value, 3)] for end, value in weeks]}


def _bucket_metric(name: str) -> Metric:
    dimensions = {"BucketName": name, "StorageType": "StandardStorage"}
    return Metric(f"bucket|{name}", "AWS/S3", "BucketSizeBytes", dimensions, "Average", DAY_SECONDS)


def _log_metric(name: str) -> Metric:
    return Metric(f"logs|{name}", "AWS/Logs", "IncomingBytes", {"LogGroupName": name}, "Sum", DAY_SECONDS)


def _log_groups(reader: AwsReader) -> Any:
    """Our own group, and those of our functions."""
    listed = reader.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=FUNCTION_LOG_PREFIX)
    if is_failed(listed):
        return listed
    takes = reader.config.resources.functions.matches
    names = [one["logGroupName"] for one in listed]
    return [reader.settings.log_group, *(one for one in names if takes(one.removeprefix(FUNCTION_LOG_PREFIX)))]


def _migrations(reader: AwsReader) -> Any:
    """Migrations created in each week. It goes back only so far that no item can have expired since."""
    days = min(reader.config.thresholds.capacity.history_days, reader.settings.history_ttl_days)
    since, end = whole_days(reader.now, days)

    def weeks() -> list[list[Any]]:
        begun = [(at, 1.0) for status in Status for at in _created(reader, status, since)]
        found = by_week(begun, since, end, sum, empty=0.0)
        return [[week.isoformat(), value] for week, value in found]

    return reader.guarded("dynamodb:query", weeks)


def _created(reader: AwsReader, status: Status, since: datetime) -> list[datetime]:
    """Creation times of the migrations in a status that were written since ``since``: all newer ones are among them.

    :raises UnknownError: an item has no readable ``createdAt``.
    """
    pages = (
        reader.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=reader.settings.table_name,
            IndexName=INDEX,
            KeyConditionExpression="#status = :status AND #updated >= :since",
            ProjectionExpression="#created",
            ExpressionAttributeNames={"#status": "status", "#updated": "updatedAt", "#created": "createdAt"},
            ExpressionAttributeValues={":status": {"S": status.value}, ":since": {"S": iso(since)}},
        )
    )
    items = [item for page in pages for item in page["Items"]]
    try:
        return [datetime.fromisoformat(from_value(item["createdAt"])) for item in items]
    except (KeyError, ValueError, TypeError) as error:
        raise UnknownError("a migration has no createdAt", cause=repr(error)) from error


def _table(reader: AwsReader) -> Any:
    answer = reader.call("dynamodb", "describe_table", TableName=reader.settings.table_name)
    if is_failed(answer):
        return answer
    table = answer["Table"]
    return {"items": table.get("ItemCount"), "bytes": table.get("TableSizeBytes")}


# The lists that checks are about.
SERIES = Listing("growth", "series", read)
