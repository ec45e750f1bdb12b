"""What PutMetricData and PutEvents refuse, which moto takes.

A dimension's value is ASCII without control characters, holds more than spaces and does not begin with a colon; one bad
value refuses the whole call (PutMetricData). The entries of one PutEvents have 256 KiB together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterValue
from moto.cloudwatch.models import CloudWatchBackend
from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend

DIMENSION_CHARACTERS = 1024
REQUEST_BYTES = 256 * 1024
# Of an entry, as the user guide counts: the time is 14 bytes, text counts in UTF-8.
TIME_BYTES = 14


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(CloudWatchBackend, "_has_telemetry_limits", False):
        return
    CloudWatchBackend.put_metric_data = _with_dimensions(CloudWatchBackend.put_metric_data)
    EventsBackend.put_events = _with_sizes(EventsBackend.put_events)
    CloudWatchBackend._has_telemetry_limits = True


def is_dimension(value: str) -> bool:
    """Whether CloudWatch takes it as a dimension's value."""
    plain = value.isascii() and not any(ord(one) < 32 or ord(one) == 127 for one in value)
    return plain and 0 < len(value) <= DIMENSION_CHARACTERS and bool(value.strip()) and not value.startswith(":")


def entry_bytes(entry: dict[str, Any]) -> int:
    """The size of one entry of PutEvents (user guide, "Calculating the size of events")."""
    text = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or ())]
    return (TIME_BYTES if entry.get("Time") else 0) + sum(len(one.encode()) for one in text if one)


def _with_dimensions(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def put_metric_data(self: Any, namespace: str, metric_data: list[dict[str, Any]]) -> Any:
        for datum in metric_data:
            for dimension in datum.get("Dimensions") or ():
                if not is_dimension(str(dimension.get("Value", ""))):
                    raise InvalidParameterValue(
                        f"The value {dimension.get('Value')!r} for parameter MetricData.Dimensions.Value is invalid."
                    )
        return original(self, namespace, metric_data)

    return put_metric_data


def _with_sizes(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def put_events(self: Any, events: list[dict[str, Any]]) -> Any:
        if sum(map(entry_bytes, events)) > REQUEST_BYTES:
            raise ValidationException("Total size of the entries in the request is over the limit.")
        return original(self, events)

    return put_events
