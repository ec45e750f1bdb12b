"""Cost Explorer: costs of the last whole month and the month before, by service, by tag and by kind of transfer.

Each request costs $0.01. Credits, refunds and taxes are left out: they would hide changes in usage.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import side_by_side
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing

METRIC = "UnblendedCost"
NOT_USAGE = ["Credit", "Refund", "Tax"]
# Usage types of data transfer; "TimedStorage-ByteHrs" and "DataProcessing-Bytes" (logs) are none.
TRANSFER = re.compile(r"(DataTransfer|AWS-In|AWS-Out|NatGateway|VpcEndpoint|VpcPeering|TransitGateway).*Bytes$")

Months = tuple[date, date, date]


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``services``, ``transfer``: ``name, currency, now, before, daysNow, daysBefore``; ``tags``: the same, with
    ``value`` (empty for costs without the tag). ``now`` is the last whole month, ``before`` the month before.
    ``months``: the first days of both, and of this month.
    """
    months = whole_months(reader.now.date())
    tag = reader.config.resources.cost_tag
    groups = [
        {"Type": "DIMENSION", "Key": "SERVICE"},
        {"Type": "TAG", "Key": tag},
        {"Type": "DIMENSION", "Key": "USAGE_TYPE"},
    ]
    services, tags, types = side_by_side(groups, lambda group: _entries(reader, months, group))
    return {
        "months": [one.isoformat() for one in months],
        "services": services,
        "tags": tags if is_failed(tags) else [_tagged(one, tag) for one in tags],
        "transfer": types if is_failed(types) else [one for one in types if TRANSFER.search(one["name"])],
    }


def whole_months(today: date) -> Months:
    """First days of the month before last, of the last month, and of this one."""
    this = today.replace(day=1)
    last = (this - timedelta(days=1)).replace(day=1)
    return (last - timedelta(days=1)).replace(day=1), last, this


def _entries(reader: AwsReader, months: Months, group: dict[str, str]) -> Any:
    return reader.guarded("ce:get_cost_and_usage", lambda: _sums(_months(reader, months, group), months))


def _months(reader: AwsReader, months: Months, group: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The groups of each month. The operation has tokens but no paginator in the SDK.

    :raises UnknownError: a month is missing.
    """
    request: dict[str, Any] = {
        "TimePeriod": {"Start": months[0].isoformat(), "End": months[2].isoformat()},
        "Granularity": "MONTHLY",
        "Metrics": [METRIC],
        "GroupBy": [group],
        "Filter": {"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": NOT_USAGE}}},
    }
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    while True:
        answer = reader.client("ce").get_cost_and_usage(**request)
        for month in answer["ResultsByTime"]:
            found[month["TimePeriod"]["Start"]] += month["Groups"]
        if not answer.get("NextPageToken"):
            break
        request["NextPageToken"] = answer["NextPageToken"]
    missing = {one.isoformat() for one in months[:2]} - set(found)
    if missing:
        raise UnknownError("Cost Explorer did not answer every month", missing=sorted(missing))
    return found


def _sums(found: dict[str, list[dict[str, Any]]], months: Months) -> list[dict[str, Any]]:
    """One entry per group; AWS leaves a group out of a month without cost, so it counts as 0 there."""
    sums: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: {"now": 0.0, "before": 0.0})
    for which, month in (("before", months[0]), ("now", months[1])):
        for group in found[month.isoformat()]:
            amount = group["Metrics"][METRIC]
            sums[group["Keys"][0], amount["Unit"]][which] += float(amount["Amount"])
    days = {"daysNow": (months[2] - months[1]).days, "daysBefore": (months[1] - months[0]).days}
    return [
        {"name": name, "currency": currency, "now": round(one["now"], 2), "before": round(one["before"], 2), **days}
        for (name, currency), one in sorted(sums.items())
    ]


def _tagged(entry: dict[str, Any], tag: str) -> dict[str, Any]:
    """Cost Explorer says ``wave$wave-3``, and ``wave$`` for costs without the tag."""
    value = entry["name"].removeprefix(f"{tag}$")
    return entry | {"name": f"{tag}={value or '(none)'}", "value": value}


# The lists that checks are about.
SERVICES = Listing("cost_explorer", "services", read)
TAGS = Listing("cost_explorer", "tags", read)
LISTED_TRANSFER = Listing("cost_explorer", "transfer", read)
