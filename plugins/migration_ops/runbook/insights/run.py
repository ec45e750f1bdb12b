"""Asks Logs Insights: which log groups, start a query, look whether it is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from migration_ops.aws.errors import SDK_ERRORS, NotFoundError, to_aws_error
from migration_ops.aws.inventory import lambda_
from migration_ops.aws.reader import AwsReader, plain_json
from migration_ops.core.batches import in_groups, side_by_side
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import NOT_READ, is_failed

# Limit of StartQuery.
MAX_LOG_GROUPS = 50
RUNNING = frozenset({"Scheduled", "Running"})
COMPLETE = "Complete"
# Its lines only pass through to other stores: no query reads them.
UNREADABLE_CLASS = "DELIVERY"
STANDARD_CLASS = "STANDARD"
LINE_TIME = "@timestamp"


def log_groups(reader: AwsReader) -> Any:
    """
    Our own group and those of our functions that exist; the document of a failure.

    ``names`` of all that are asked, ``parts`` of at most 50 for one query each (a query takes no more, nor groups of
    two classes), and ``leftOut``: what cannot be asked, so that nobody takes it for looked at. A function that was
    deleted is not asked about, though its group may still be there.
    """
    own, names = reader.settings.log_group, reader.config.resources.functions
    wanted = [] if names.is_empty else _groups_of_functions(reader)
    if is_failed(wanted):
        return wanted
    there = _existing(reader, own, wanted)
    if is_failed(there):
        return there
    asked = [one for one in (own, *sorted(set(wanted) - {own})) if there.get(one, UNREADABLE_CLASS) != UNREADABLE_CLASS]
    left_out = [] if own in asked else [own]
    left_out += sorted(one for one in set(wanted) - {own} if there.get(one) == UNREADABLE_CLASS)
    by_class: dict[str, list[str]] = {}
    for one in asked:
        by_class.setdefault(there[one], []).append(one)
    parts = [part for same in by_class.values() for part in in_groups(same, MAX_LOG_GROUPS)]
    return {"names": asked, "parts": parts, "leftOut": left_out}


def _groups_of_functions(reader: AwsReader) -> Any:
    listed = lambda_.functions(reader.anew())
    if is_failed(listed):
        return listed
    takes = reader.config.resources.functions.matches
    return [lambda_.log_group_of(one) for one in listed if takes(one["FunctionName"])]


def _existing(reader: AwsReader, own: str, wanted: list[str]) -> Any:
    """The class of each log group that exists, by name: of Lambda's own prefix, and of the other groups by name."""
    others = {own, *(one for one in wanted if not one.startswith(lambda_.LOG_PREFIX))}
    are_default = any(one.startswith(lambda_.LOG_PREFIX) for one in wanted)
    prefixes = [*sorted(others), *([lambda_.LOG_PREFIX] if are_default else [])]
    lists = side_by_side(
        prefixes, lambda one: reader.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=one)
    )
    unread = next((one for one in lists if is_failed(one)), None)
    if unread is not None:
        return unread
    return {one["logGroupName"]: one.get("logGroupClass", STANDARD_CLASS) for some in lists for one in some}


def start_all(reader: AwsReader, text: str, since: datetime, until: datetime) -> dict[str, Any]:
    """
    Starts the query over all log groups: ``queryIds``, and ``names`` and ``leftOut`` of :func:`log_groups`.

    A group that was deleted between the listing and the start makes it list once more.

    :raises MigrationError: as :func:`start`; or the groups could not be listed, or there is none.
    """
    try:
        return _start_parts(reader, text, since, until)
    except NotFoundError:
        return _start_parts(reader, text, since, until)


def _start_parts(reader: AwsReader, text: str, since: datetime, until: datetime) -> dict[str, Any]:
    groups = log_groups(reader)
    if is_failed(groups):
        raise UnknownError(groups[NOT_READ]["message"], operation=groups[NOT_READ]["operation"])
    if not groups["parts"]:
        raise UnknownError("there is no log group to ask", leftOut=groups["leftOut"][:5])
    ids = [start(reader, text, part, since, until) for part in groups["parts"]]
    return {"queryIds": ids, "names": groups["names"], "leftOut": groups["leftOut"]}


def results_of_all(reader: AwsReader, query_ids: Sequence[str]) -> dict[str, Any]:
    """
    As :func:`results`, of queries that ask the same of different log groups; with ``parts``, the rows of each.

    Of several, each row says in ``part`` which of them it is of: what a query counts it counts within its log groups.
    """
    answers = [results(reader, one) for one in query_ids]
    status = next((one["status"] for one in answers if one["status"] not in RUNNING | {COMPLETE}), None)
    status = status or next((one["status"] for one in answers if one["status"] != COMPLETE), COMPLETE)
    summed: dict[str, float] = {}
    for one in answers:
        for name, value in one["statistics"].items():
            summed[name] = summed.get(name, 0) + value
    if status != COMPLETE:
        return {"status": status, "rows": [], "statistics": summed, "parts": []}
    rows = [
        row | ({"part": f"{number} of {len(answers)}"} if len(answers) > 1 else {})
        for number, one in enumerate(answers, start=1)
        for row in one["rows"]
    ]
    return {
        "status": COMPLETE,
        "rows": in_order(rows),
        "statistics": summed,
        "parts": [len(one["rows"]) for one in answers],
    }


def in_order(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Lines by their time, oldest first, though a query that keeps the newest asks for those; other rows unchanged."""
    if not rows or any(LINE_TIME not in row for row in rows):
        return rows
    return sorted(reversed(rows), key=lambda row: row[LINE_TIME])


def start(reader: AwsReader, text: str, groups: list[str], since: datetime, until: datetime) -> str:
    """
    Starts a query; its id. Times go as epoch seconds; both ends are included.

    :raises MigrationError: it was not taken: too many at once (Throttled), no such group, a text that is no query.
    """
    with _faults():
        answer = reader.client("logs").start_query(
            queryString=text,
            logGroupNames=groups,
            startTime=int(since.timestamp()),
            endTime=int(until.timestamp()),
        )
        return str(answer["queryId"])


def results(reader: AwsReader, query_id: str) -> dict[str, Any]:
    """
    ``{"status", "rows": [{column: text}], "statistics"}``, rows only when complete. A large answer has several pages.

    :raises MigrationError: nobody knows.
    """
    rows: list[dict[str, str]] = []
    token: dict[str, str] = {}
    while True:
        with _faults():
            answer = reader.client("logs").get_query_results(queryId=query_id, **token)
            status, statistics = answer["status"], plain_json(answer.get("statistics", {}))
            if status != COMPLETE:
                return {"status": status, "rows": [], "statistics": statistics}
            rows += [{cell["field"]: cell["value"] for cell in row if "value" in cell} for row in answer["results"]]
        if not answer.get("nextToken"):
            return {"status": COMPLETE, "rows": in_order(rows), "statistics": statistics}
        if token == {"nextToken": answer["nextToken"]}:
            raise UnknownError("GetQueryResults answers the same page again and again", queryId=query_id)
        token = {"nextToken": answer["nextToken"]}


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except SDK_ERRORS as error:
        raise to_aws_error(error, mutating=False) from error
    except KeyError as error:
        raise UnknownError(f"the answer has no {error}") from error
