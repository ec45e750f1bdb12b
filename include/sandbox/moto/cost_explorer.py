"""GetCostAndUsage over cost lines that a seed books (``POST /_sandbox/history``); moto 5.2.5 answers prepared results.

As AWS: the end is exclusive, an answer has every period (without groups where nothing was spent), a tag's groups are
called ``key$value`` with an empty value for what carries no tag, amounts are text, and long answers come in pages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from moto.ce.models import CostExplorerBackend, ce_backends
from moto.ce.responses import CostExplorerResponse
from moto.core.exceptions import JsonRESTError

# Smaller than AWS's pages, so that tokens happen.
PERIODS_A_PAGE = 10
OLDEST_DAYS = 14 * 31
COSTS = frozenset({"AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost"})
DIMENSIONS = {"SERVICE": "service", "USAGE_TYPE": "usage_type", "RECORD_TYPE": "record_type"}


@dataclass(frozen=True)
class Line:
    """What was spent on one day."""

    day: date
    service: str
    usage_type: str
    amount: float
    tags: dict[str, str] = field(default_factory=dict)
    record_type: str = "Usage"


class ValidationException(JsonRESTError):
    """What Cost Explorer answers to a request that makes no sense."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    CostExplorerResponse.get_cost_and_usage = _answer


def book(account_id: str, documents: Iterable[dict[str, Any]]) -> int:
    """Books lines: ``service, usageType, amount`` (a day), ``from`` and ``to`` (days, both inclusive), and optionally
    ``tags``, ``recordType``. How many days were booked.

    :raises KeyError: a document lacks a member.
    """
    lines = [line for document in documents for line in _lines(document)]
    _booked(ce_backends[account_id]["aws"]).extend(lines)
    return len(lines)


def _booked(backend: CostExplorerBackend) -> list[Line]:
    # On the backend, so that moto's reset forgets them.
    found: list[Line] = backend.__dict__.setdefault("booked_lines", [])
    return found


def _lines(document: dict[str, Any]) -> Iterator[Line]:
    first, last = (date.fromisoformat(document[name]) for name in ("from", "to"))
    for number in range((last - first).days + 1):
        yield Line(
            first + timedelta(days=number),
            document["service"],
            document["usageType"],
            float(document["amount"]),
            document.get("tags", {}),
            document.get("recordType", "Usage"),
        )


def _answer(self: CostExplorerResponse) -> str:
    request = json.loads(self.body)
    periods = _periods(request)
    groups = request.get("GroupBy", [])
    if len(groups) > 2:
        raise ValidationException("GroupBy takes at most two definitions")
    if not set(request["Metrics"]) <= COSTS:
        raise ValidationException("the sandbox knows costs only, no usage")
    lines = [one for one in _booked(self.ce_backend) if _matches(one, request.get("Filter"))]
    first = int(request.get("NextPageToken") or 0)
    shown = periods[first : first + PERIODS_A_PAGE]
    answer: dict[str, Any] = {
        "GroupDefinitions": groups,
        "ResultsByTime": [_result(lines, period, groups, request["Metrics"]) for period in shown],
        "DimensionValueAttributes": [],
    }
    if first + PERIODS_A_PAGE < len(periods):
        answer["NextPageToken"] = str(first + PERIODS_A_PAGE)
    return json.dumps(answer)


def _periods(request: dict[str, Any]) -> list[tuple[date, date]]:
    start, end = (date.fromisoformat(request["TimePeriod"][name]) for name in ("Start", "End"))
    if start >= end:
        raise ValidationException("Start date (and hour) should be before end date (and hour)")
    if (datetime.now(UTC).date() - start).days > OLDEST_DAYS:
        raise ValidationException("You haven't enabled historical data beyond 14 months")
    found = []
    while start < end:
        following = _following(start, request["Granularity"])
        found.append((start, min(following, end)))
        start = following
    return found


def _following(day: date, granularity: str) -> date:
    if granularity == "DAILY":
        return day + timedelta(days=1)
    if granularity == "MONTHLY":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    raise ValidationException(f"the sandbox has no granularity {granularity}")


def _result(
    lines: list[Line], period: tuple[date, date], groups: list[dict[str, str]], metrics: list[str]
) -> dict[str, Any]:
    within = [one for one in lines if period[0] <= one.day < period[1]]
    result: dict[str, Any] = {
        "TimePeriod": {"Start": period[0].isoformat(), "End": period[1].isoformat()},
        "Total": {} if groups else _metrics(within, metrics),
        "Groups": [],
        "Estimated": period[1] > datetime.now(UTC).date().replace(day=1),
    }
    if groups:
        keys = sorted({_keys(one, groups) for one in within})
        result["Groups"] = [
            {"Keys": list(key), "Metrics": _metrics([one for one in within if _keys(one, groups) == key], metrics)}
            for key in keys
        ]
    return result


def _metrics(lines: list[Line], metrics: list[str]) -> dict[str, dict[str, str]]:
    amount = sum(one.amount for one in lines)
    return {name: {"Amount": f"{amount:.10f}", "Unit": "USD"} for name in metrics}


def _keys(line: Line, groups: list[dict[str, str]]) -> tuple[str, ...]:
    return tuple(_key(line, one["Type"], one["Key"]) for one in groups)


def _key(line: Line, kind: str, key: str) -> str:
    if kind == "TAG":
        return f"{key}${line.tags.get(key, '')}"
    if kind != "DIMENSION" or key not in DIMENSIONS:
        raise ValidationException(f"the sandbox does not group by {kind} {key}")
    return str(getattr(line, DIMENSIONS[key]))


def _matches(line: Line, wanted: dict[str, Any] | None) -> bool:
    if not wanted:
        return True
    if len(wanted) != 1:
        raise ValidationException("Expression should have one operator or dimension at its root")
    name, value = next(iter(wanted.items()))
    if name in _OPERATORS:
        return _OPERATORS[name](line, value)
    raise ValidationException(f"the sandbox does not filter by {name}")


_OPERATORS: dict[str, Callable[[Line, Any], bool]] = {
    "And": lambda line, some: all(_matches(line, one) for one in some),
    "Or": lambda line, some: any(_matches(line, one) for one in some),
    "Not": lambda line, one: not _matches(line, one),
    "Dimensions": lambda line, one: _key(line, "DIMENSION", one["Key"]) in one["Values"],
    "Tags": lambda line, one: line.tags.get(one["Key"], "") in one["Values"],
}
