"""Logs Insights: choose the log groups, start a query, get its results."""

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
# Log groups of this class only deliver to other stores: they cannot be queried.
UNREADABLE_CLASS = "DELIVERY"
STANDARD_CLASS = "STANDARD"
LINE_TIME = "@timestamp"


def log_groups(reader: AwsReader) -> Any:
    """
    Our own log group and the existing groups of our functions; or a failure document.

    ``names``: all groups to query. ``parts``: the same in lists of at most 50 of one class, as one query takes no more.
    ``leftOut``: groups that cannot be queried, so that nobody thinks that they were. The group of a deleted function is
    not queried, though it may still exist.
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
    listed = lambda_.functions(reader.fresh())
    if is_failed(listed):
        return listed
    takes = reader.config.resources.functions.matches
    return [lambda_.log_group_of(one) for one in listed if takes(one["FunctionName"])]


def _existing(reader: AwsReader, own: str, wanted: list[str]) -> Any:
    """The class of each existing log group, by name: of all with Lambda's own prefix, and of the wanted other ones."""
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

    When a group was deleted between the listing and the start, the groups are listed once more.

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
        raise UnknownError("there is no log group to query", leftOut=groups["leftOut"][:5])
    ids = [start(reader, text, part, since, until) for part in groups["parts"]]
    return {"queryIds": ids, "names": groups["names"], "leftOut": groups["leftOut"]}


def results_of_all(reader: AwsReader, query_ids: Sequence[str]) -> dict[str, Any]:
    """
    As :func:`results`, for the same query over different log groups; ``parts`` has the number of rows of each.

    With several, each row names its query in ``part``: a count is a count within the log groups of that query.
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
    """Log lines by time, oldest first, whatever the query's order; other rows unchanged."""
    if not rows or any(LINE_TIME not in row for row in rows):
        return rows
    return sorted(reversed(rows), key=lambda row: row[LINE_TIME])


def start(reader: AwsReader, text: str, groups: list[str], since: datetime, until: datetime) -> str:
    """
    Starts a query (StartQuery); returns its id. Times go as epoch seconds; both ends are included.

    :raises MigrationError: it was refused: too many at once (ThrottledError), no such group (NotFoundError), a wrong
        query text.
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
    ``{"status", "rows": [{column: text}], "statistics"}``, rows only when complete (GetQueryResults, all pages).

    :raises MigrationError: the results could not be read.
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
