"""Cost Explorer: what each service cost in the last seven settled days and the seven before. A request costs $0.01."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.errors import Unknown
from migration_ops.core.facts import is_failed
from migration_ops.runbook.readers.cost_explorer import METRIC, NOT_USAGE

DAYS = 7
# Cost Explorer brings its data up to date at least once in 24 hours: the newest day is still growing, and a growing
# day in one of the two weeks would look like falling costs.
UNSETTLED_DAYS = 1


def read(reader: Reader) -> dict[str, Any]:
    """``services``: ``name, currency, now, before``, each the sum of seven days; ``until`` is the end, exclusive.

    A service without cost on a day is left out of that day by AWS; a day that is left out altogether was not read.
    """
    until = reader.now.date() - timedelta(days=UNSETTLED_DAYS)
    days = reader.attempt("ce:get_cost_and_usage", lambda: _days(reader, until - timedelta(days=2 * DAYS), until))
    if is_failed(days):
        return {"services": days, "until": until.isoformat()}
    return {"services": _services(days, (until - timedelta(days=DAYS)).isoformat()), "until": until.isoformat()}


def _days(reader: Reader, start: date, end: date) -> dict[str, list[dict[str, Any]]]:
    """Groups by day. The operation has tokens but no paginator in the SDK.

    :raises Unknown: a day is missing.
    """
    request: dict[str, Any] = {
        "TimePeriod": {"Start": start.isoformat(), "End": end.isoformat()},
        "Granularity": "DAILY",
        "Metrics": [METRIC],
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
        "Filter": {"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": NOT_USAGE}}},
    }
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    while True:
        answer = reader.of("ce").get_cost_and_usage(**request)
        for day in answer["ResultsByTime"]:
            found[day["TimePeriod"]["Start"]] += day["Groups"]
        token = answer.get("NextPageToken")
        if not token:
            break
        request["NextPageToken"] = token
    wanted = {(start + timedelta(days=number)).isoformat() for number in range((end - start).days)}
    if set(found) != wanted:
        raise Unknown("Cost Explorer did not answer every day", missing=sorted(wanted - set(found)))
    return dict(found)


def _services(days: dict[str, list[dict[str, Any]]], now_from: str) -> list[dict[str, Any]]:
    """By service and currency; almost every account has one currency."""
    sums: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: {"now": 0.0, "before": 0.0})
    for day, groups in days.items():
        for group in groups:
            amount = group["Metrics"][METRIC]
            which = "now" if day >= now_from else "before"
            sums[group["Keys"][0], amount["Unit"]][which] += float(amount["Amount"])
    return [
        {"name": name, "currency": currency, "now": round(one["now"], 2), "before": round(one["before"], 2)}
        for (name, currency), one in sorted(sums.items())
    ]
