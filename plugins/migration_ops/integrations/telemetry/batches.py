"""Documents and batches for telemetry: the content of lines, metrics and events, and how many fit one call."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from migration_ops.core.batches import in_groups
from migration_ops.core.field_text import metric_dimension
from migration_ops.ledger.protocol import Record

# Limits of PutMetricData, PutEvents and PutLogEvents (API references); bytes with room for the envelope.
METRICS_A_CALL, VALUES_A_METRIC = 1000, 150
EVENTS_A_CALL, EVENTS_BYTES_A_CALL = 10, 200_000
LOG_LINES_A_CALL, LOG_BYTES_A_CALL, LOG_LINE_OVERHEAD_BYTES = 10_000, 1_000_000, 26

T = TypeVar("T")


def document_of(record: Record) -> dict[str, Any]:
    """A record with the names that the runbook's Logs Insights queries use; unknown values are left out."""
    document = {
        "correlationId": record.correlation_id,
        "migrationId": record.migration_id,
        "wave": record.wave,
        "appName": record.app_name,
        "sourceServerId": record.source_server_id,
        "status": record.status.value,
        "phase": record.phase.value,
        "replicationLag": record.replication_lag_seconds,
        "jobId": record.job_id,
        "instanceId": record.instance_id,
        "dagRunId": record.dag_run_id,
        "errorCode": record.error_code,
        "errorMessage": record.error_message,
    }
    return {name: value for name, value in document.items() if value is not None}


def metric_data(metrics: dict[tuple[str, str, str | None], list[float]], at: datetime) -> list[dict[str, Any]]:
    return [
        {
            "MetricName": name,
            "Dimensions": [{"Name": "Wave", "Value": metric_dimension(wave)}] if wave else [],
            "Timestamp": at,
            "Unit": unit,
            "Values": values,
        }
        for (name, unit, wave), all_values in metrics.items()
        for values in in_groups(all_values, VALUES_A_METRIC)
    ]


def by_size(migrations: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The migrations of each event, in order: as many as fit its size."""
    sized = ((one, len(json.dumps(one, ensure_ascii=False).encode())) for one in migrations)
    return list(_within(sized, len(migrations), EVENTS_BYTES_A_CALL))


def event_calls(entries: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The entries of each call of PutEvents: AWS limits their number and their total bytes."""
    sized = ((one, _entry_bytes(one)) for one in entries)
    yield from _within(sized, EVENTS_A_CALL, EVENTS_BYTES_A_CALL)


def _entry_bytes(entry: dict[str, Any]) -> int:
    return sum(len(str(entry[name]).encode()) for name in ("Time", "Source", "DetailType", "Detail"))


def log_batches(lines: list[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """The lines of each call of PutLogEvents."""
    sized = ((line, len(line[1].encode()) + LOG_LINE_OVERHEAD_BYTES) for line in lines)
    yield from _within(sized, LOG_LINES_A_CALL, LOG_BYTES_A_CALL)


def _within(sized: Iterable[tuple[T, int]], most: int, most_bytes: int) -> Iterator[list[T]]:
    """Batches in order; an item that is larger than the limit is a batch of its own."""
    batch: list[T] = []
    size = 0
    for one, length in sized:
        if batch and (size + length > most_bytes or len(batch) == most):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += length
    if batch:
        yield batch
