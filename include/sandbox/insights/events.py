"""The fields of a log event: what every event has, what is discovered in JSON, and in Lambda's REPORT lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from include.sandbox.insights.values import Time, Value

Event = dict[str, Value]

# Discovery finds so many fields of a JSON event.
MAX_FIELDS = 200
_REPORT = {
    "@duration": r"(?<![A-Za-z] )Duration: ([\d.]+) ms",
    "@billedDuration": r"Billed Duration: ([\d.]+) ms",
    "@initDuration": r"Init Duration: ([\d.]+) ms",
    "@memorySize": r"Memory Size: (\d+) MB",
    "@maxMemoryUsed": r"Max Memory Used: (\d+) MB",
}
_BYTES_A_MB = 1_000_000
_TYPE = re.compile(r"^(START|END|REPORT) RequestId: (\S+)")


def events_of(log_groups: Iterable[Any], account_id: str, start: int, end: int) -> Iterator[Event]:
    """Events of moto's log groups from ``start`` to ``end``, epoch seconds, both included; the newest first."""
    found = [
        (stored.timestamp, stored.event_id, stored.message, stream.log_stream_name, group.name)
        for group in log_groups
        for stream in group.streams.values()
        for stored in stream.events
        if start * 1000 <= stored.timestamp <= end * 1000 + 999
    ]
    for at, number, message, stream, group in sorted(found, key=lambda one: one[:2], reverse=True):
        event: Event = {
            "@timestamp": Time(at),
            "@message": message,
            "@logStream": stream,
            "@log": f"{account_id}:{group}",
            "@ptr": f"ptr-{number}",
        }
        yield _discovered(message) | (_lambda_fields(message) if group.startswith("/aws/lambda/") else {}) | event


def _discovered(message: str) -> Event:
    try:
        document = json.loads(message)
    except ValueError:
        return {}
    if not isinstance(document, dict):
        return {}
    fields = dict(_flat("", document))
    return dict(list(fields.items())[:MAX_FIELDS])


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Value]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else name, one)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _flat(f"{prefix}.{number}", one)
    elif value is not None:
        yield prefix, value


def _lambda_fields(message: str) -> Event:
    typed = _TYPE.match(message)
    if typed is None:
        return {}
    event: Event = {"@type": typed[1], "@requestId": typed[2]}
    for name, pattern in _REPORT.items():
        match = re.search(pattern, message) if typed[1] == "REPORT" else None
        if match:
            event[name] = float(match[1]) * (_BYTES_A_MB if "emory" in name else 1)
    return event
