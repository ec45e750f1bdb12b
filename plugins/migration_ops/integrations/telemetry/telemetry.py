"""The only writer of logs, metrics and events for operators.

Best effort: a failure here never fails a step, and each failure is logged and counted.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from migration_ops.core.batches import in_groups
from migration_ops.core.redaction import redacted
from migration_ops.core.settings import Settings
from migration_ops.core.states import NEEDS_REPLICATION, Status
from migration_ops.integrations.telemetry.batches import (
    METRICS_A_CALL,
    by_size,
    document_of,
    event_calls,
    log_batches,
    metric_data,
)
from migration_ops.ledger.protocol import Record

LOGGER_NAME = "migration_ops.operators"
EVENT_SOURCE = "migration-ops"
DETAIL_TYPE = "MigrationStatus"
DETAIL_CHARACTERS = 4_000
ENDED_METRICS = {
    Status.COMPLETED: "MigrationsCompleted",
    Status.FAILED: "MigrationsFailed",
    Status.ROLLED_BACK: "MigrationsRolledBack",
    Status.FROZEN: "MigrationsFrozen",
}
# With these codes CloudWatch refused the whole call because of one value.
REFUSED_DATA = frozenset({"InvalidParameterValue", "InvalidParameterCombination", "ValidationError"})
BAD = frozenset({Status.FAILED, Status.FROZEN})

T = TypeVar("T")


@dataclass
class Telemetry:
    """Collects what steps emit and sends it in few calls on :meth:`flush`, or at the end of a ``with`` block.

    An empty ``metrics_namespace`` or ``event_bus`` in the settings switches that channel off.

    :param client: a boto3 client by service name (``cloudwatch``, ``events``, ``logs``); called on first use.
    :param log_stream: if given, log lines also go to ``settings.log_group``, in this stream.
    :param failures: how many items could not be delivered, by channel (logs, metrics, events).
    """

    client: Callable[[str], Any]
    settings: Settings
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    log: logging.Logger = field(default_factory=lambda: logging.getLogger(LOGGER_NAME))
    log_stream: str | None = None
    failures: Counter[str] = field(default_factory=Counter)
    _lines: list[tuple[int, str]] = field(default_factory=list)
    _metrics: dict[tuple[str, str, str | None], list[float]] = field(default_factory=dict)
    _events: dict[tuple[Any, ...], list[dict[str, Any]]] = field(default_factory=dict)

    def transition(
        self, record: Record, event: str, detail: dict[str, Any] | None = None, previous: Record | None = None
    ) -> None:
        """One ledger write of one migration: a log line now; metrics and an event at the next flush.

        :param previous: the record before. The metric of an end is counted only when the status changes; an event is
            sent only for a new phase or another error code. None: everything counts as new.
        """
        document = document_of(record)
        try:
            self._write_line(event, document, record, detail or {})
        except (TypeError, ValueError) as error:
            self._failed("logs", 1, error)
        if record.status in ENDED_METRICS and (previous is None or record.status is not previous.status):
            self.count(ENDED_METRICS[record.status], record.wave)
        if record.replication_lag_seconds is not None and record.phase in NEEDS_REPLICATION:
            self.measure("ReplicationLag", record.replication_lag_seconds, "Seconds", record.wave)
        if previous is not None and (record.phase, record.error_code) == (previous.phase, previous.error_code):
            return
        shared = (event, record.wave, record.app_name, record.status.value, record.phase.value)
        self._events.setdefault(shared, []).append(document)

    def count(self, name: str, wave: str | None = None, number: float = 1) -> None:
        self.measure(name, number, "Count", wave)

    def measure(self, name: str, value: float, unit: str, wave: str | None = None) -> None:
        """A value without dimensions, for alarms (CloudWatch does not sum custom metrics over dimensions), and one by
        wave."""
        for dimension in {None, wave}:
            self._metrics.setdefault((name, unit, dimension), []).append(float(value))

    def flush(self) -> None:
        """Sends everything collected; what cannot be sent is counted, logged and dropped. Never raises."""
        lines, self._lines = self._lines, []
        metrics, self._metrics = self._metrics, {}
        events, self._events = self._events, {}
        if self.settings.metrics_namespace:
            self._deliver("metrics", lambda: _metric_calls(metrics, self.now()), self._put_metrics)
        if self.settings.event_bus:
            self._deliver("events", lambda: event_calls(self._entries(events)), self._put_events)
        self._deliver("logs", lambda: log_batches(lines), self._put_lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()

    def _write_line(self, event: str, document: dict[str, Any], record: Record, detail: dict[str, Any]) -> None:
        level = "ERROR" if record.status in BAD else "INFO"
        moment = self.now()
        head = {"timestamp": moment.isoformat(timespec="milliseconds"), "level": level, "event": event}
        text = json.dumps(redacted(detail), default=str, ensure_ascii=False)
        if len(text) > DETAIL_CHARACTERS:
            shown: Any = {"truncated": True, "characters": len(text)}
        else:
            shown = json.loads(text)
        # ASCII only: a Unicode line separator would split the line.
        line = json.dumps(head | document | ({"detail": shown} if detail else {}))
        self.log.log(logging.getLevelNamesMapping()[level], "%s", line)
        if self.log_stream is not None:
            self._lines.append((int(moment.timestamp() * 1000), line))

    def _deliver(self, channel: str, make: Callable[[], Iterable[list[T]]], put: Callable[[list[T]], int]) -> None:
        try:
            batches = list(make())
        except Exception as error:  # noqa: BLE001 - as below; how many items it was is not known
            self._failed(channel, 1, error)
            return
        for batch in batches:
            try:
                lost = put(batch)
            except Exception as error:  # noqa: BLE001 - a step must not fail because nobody could be notified; it is counted
                self._failed(channel, len(batch), error)
                continue
            if lost:
                self._failed(channel, lost)

    def _failed(self, channel: str, number: int, error: Exception | None = None) -> None:
        self.failures[channel] += number
        # Only the class: a message of the SDK may quote the request.
        line = {
            "level": "WARNING",
            "event": "telemetry_lost",
            "channel": channel,
            "lost": number,
            "cause": type(error).__name__ if error else "refused",
            "errorCode": _code_of(error),
        }
        self.log.warning("%s", json.dumps({name: value for name, value in line.items() if value is not None}))

    def _put_metrics(self, data: list[dict[str, Any]]) -> int:
        """Alarms use the metrics without dimensions: if CloudWatch refuses the call, these are sent again alone."""
        client, namespace = self.client("cloudwatch"), self.settings.metrics_namespace
        try:
            client.put_metric_data(Namespace=namespace, MetricData=data)
        except Exception as error:
            alone = [one for one in data if not one["Dimensions"]]
            if _code_of(error) not in REFUSED_DATA or not alone:
                raise
            client.put_metric_data(Namespace=namespace, MetricData=alone)
            return len(data) - len(alone)
        return 0

    def _put_events(self, entries: list[dict[str, Any]]) -> int:
        """PutEvents answers 200 even if it accepted no entry; ``FailedEntryCount`` shows it."""
        return int(self.client("events").put_events(Entries=entries).get("FailedEntryCount", 0))

    def _put_lines(self, lines: list[tuple[int, str]]) -> int:
        logs = self.client("logs")
        request = {
            "logGroupName": self.settings.log_group,
            "logStreamName": self.log_stream,
            "logEvents": [{"timestamp": at, "message": line} for at, line in sorted(lines)],
        }
        try:
            answer = logs.put_log_events(**request)
        except logs.exceptions.ResourceNotFoundException:
            logs.create_log_stream(logGroupName=self.settings.log_group, logStreamName=self.log_stream)
            answer = logs.put_log_events(**request)
        return len(lines) if answer.get("rejectedLogEventsInfo") else 0

    def _entries(self, events: dict[tuple[Any, ...], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """One entry for all migrations of an application with the same event, status and phase, to have few calls."""
        names = ("event", "wave", "appName", "status", "phase")
        entries = []
        for shared, migrations in events.items():
            head = dict(zip(names, shared, strict=True))
            for some in by_size(migrations):
                detail = json.dumps(head | {"migrations": some}, ensure_ascii=False)
                entries.append(
                    {
                        "Time": self.now(),
                        "Source": EVENT_SOURCE,
                        "DetailType": DETAIL_TYPE,
                        "Detail": detail,
                        "EventBusName": self.settings.event_bus,
                    }
                )
        return entries


def _code_of(error: Exception | None) -> str | None:
    """AWS's error code. Connection errors of botocore have an attribute ``response`` that is None."""
    response = getattr(error, "response", None)
    return (response.get("Error") or {}).get("Code") if isinstance(response, dict) else None


def _metric_calls(metrics: dict[tuple[str, str, str | None], list[float]], at: datetime) -> list[list[dict[str, Any]]]:
    return in_groups(metric_data(metrics, at), METRICS_A_CALL)
