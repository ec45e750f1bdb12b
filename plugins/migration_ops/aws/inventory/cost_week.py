"""Cost Explorer: cost of each service in the last seven complete days and the seven before. A request costs $0.01."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from statistics import median
from typing import Any

from migration_ops.aws.inventory.cost import METRIC, NOT_USAGE
from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing

DAYS = 7
# Cost Explorer updates its data at least once in 24 hours: the newest day is not complete, and an incomplete day in one
# of the two weeks would look like falling costs.
UNSETTLED_DAYS = 1


def read(reader: AwsReader) -> dict[str, Any]:
    """``services``: ``name, currency, now, before``, each the sum of seven days; ``until`` is the end, exclusive.

    ``monthly {now, before}`` if a week has a first of the month on which the service cost more than on a usual day: the
    part of that week's sum that AWS bills monthly (support plans, hosted zones).

    AWS leaves a service out of a day without cost; if a whole day is missing, the read fails.
    """
    until = reader.now.date() - timedelta(days=UNSETTLED_DAYS)
    days = reader.guarded("ce:get_cost_and_usage", lambda: _days(reader, until - timedelta(days=2 * DAYS), until))
    if is_failed(days):
        return {"services": days, "until": until.isoformat()}
    return {"services": _services(days, (until - timedelta(days=DAYS)).isoformat()), "until": until.isoformat()}


def _days(reader: AwsReader, start: date, end: date) -> dict[str, list[dict[str, Any]]]:
    """The groups of each day. The operation has tokens but no paginator in the SDK.

    :raises UnknownError: a day is missing.
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
        answer = reader.client("ce").get_cost_and_usage(**request)
        for day in answer["ResultsByTime"]:
            found[day["TimePeriod"]["Start"]] += day["Groups"]
        token = answer.get("NextPageToken")
        if not token:
            break
        request["NextPageToken"] = token
    wanted = {(start + timedelta(days=number)).isoformat() for number in range((end - start).days)}
    if set(found) != wanted:
        raise UnknownError("Cost Explorer did not answer every day", missing=sorted(wanted - set(found)))
    return dict(found)


def _services(days: dict[str, list[dict[str, Any]]], now_from: str) -> list[dict[str, Any]]:
    """One entry per service and currency; almost every account has one currency."""
    spent: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for day, groups in days.items():
        for group in groups:
            amount = group["Metrics"][METRIC]
            spent[group["Keys"][0], amount["Unit"]][day] += float(amount["Amount"])
    weeks = {"now": [day for day in days if day >= now_from], "before": [day for day in days if day < now_from]}
    return [
        _service(*key, {which: {day: spent[key][day] for day in week} for which, week in weeks.items()})
        for key in sorted(spent)
    ]


def _service(name: str, currency: str, weeks: dict[str, dict[str, float]]) -> dict[str, Any]:
    sums = {which: round(sum(week.values()), 2) for which, week in weeks.items()}
    monthly = {which: round(_billed_by_month(week), 2) for which, week in weeks.items()}
    return {"name": name, "currency": currency, **sums} | ({"monthly": monthly} if any(monthly.values()) else {})


def _billed_by_month(week: dict[str, float]) -> float:
    """How much more a first of the month cost than the median day of its week; lasting growth shows on other days."""
    firsts = [amount for day, amount in week.items() if date.fromisoformat(day).day == 1]
    others = [amount for day, amount in week.items() if date.fromisoformat(day).day != 1]
    return sum(max(0.0, amount - median(others)) for amount in firsts)


# The lists that checks are about.
SERVICES = Listing("cost_week", "services", read)
