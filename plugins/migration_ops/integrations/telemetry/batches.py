"""Documents and batches for telemetry: what a line, a metric and an event look like, and how many go into a call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from migration_ops.core.batches import in_groups
from migration_ops.ledger.protocol import Record

# Limits of PutMetricData, PutEvents and PutLogEvents (API references); bytes with room for the envelope.
METRICS_A_CALL, VALUES_A_METRIC = 1000, 150
EVENTS_A_CALL, EVENT_BYTES = 10, 200_000
LOG_LINES_A_CALL, LOG_BYTES_A_CALL, LOG_LINE_OVERHEAD_BYTES = 10_000, 1_000_000, 26


def document_of(record: Record) -> dict[str, Any]:
    """The names that the runbook's Logs Insights queries use; what is not known is absent."""
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
            "Dimensions": [{"Name": "Wave", "Value": wave}] if wave else [],
            "Timestamp": at,
            "Unit": unit,
            "Values": values,
        }
        for (name, unit, wave), all_values in metrics.items()
        for values in in_groups(all_values, VALUES_A_METRIC)
    ]


def by_size(migrations: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    largest = max(len(json.dumps(one).encode()) for one in migrations)
    return in_groups(migrations, max(1, EVENT_BYTES // largest))


def log_batches(lines: list[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    batch: list[tuple[int, str]] = []
    size = 0
    for line in lines:
        length = len(line[1].encode()) + LOG_LINE_OVERHEAD_BYTES
        if batch and (size + length > LOG_BYTES_A_CALL or len(batch) == LOG_LINES_A_CALL):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += length
    if batch:
        yield batch
