"""Asks Logs Insights: which log groups, start a query, look whether it is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from migration_ops.aws.errors import SDK_ERRORS, classify
from migration_ops.aws.reader import Reader, plain_json
from migration_ops.core.errors import Unknown
from migration_ops.core.facts import is_failed

LAMBDA_GROUPS = "/aws/lambda/"
# Limit of StartQuery.
MAX_LOG_GROUPS = 50
RUNNING = frozenset({"Scheduled", "Running"})
COMPLETE = "Complete"


def log_groups(reader: Reader) -> Any:
    """
    ``{"names", "leftOut"}``: our own group, then those of our functions; the document of a failure.

    One query takes 50 log groups; ``leftOut`` names the others, so that nobody takes them for looked at.
    """
    functions = reader.config.resources.functions
    found: Any = []
    if not functions.are_none:
        found = reader.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=LAMBDA_GROUPS)
    if is_failed(found):
        return found
    names = [one["logGroupName"] for one in found]
    ours = sorted(name for name in names if functions.takes(name.removeprefix(LAMBDA_GROUPS)))
    all_names = [reader.settings.log_group, *ours]
    return {"names": all_names[:MAX_LOG_GROUPS], "leftOut": all_names[MAX_LOG_GROUPS:]}


def start(reader: Reader, text: str, groups: list[str], since: datetime, until: datetime) -> str:
    """
    Starts a query; its id. Times go as epoch seconds; both ends are included.

    :raises MigrationError: it was not taken: too many at once (Throttled), no such group, a text that is no query.
    """
    with _faults():
        answer = reader.of("logs").start_query(
            queryString=text,
            logGroupNames=groups,
            startTime=int(since.timestamp()),
            endTime=int(until.timestamp()),
        )
        return str(answer["queryId"])


def results(reader: Reader, query_id: str) -> dict[str, Any]:
    """
    ``{"status", "rows": [{column: text}], "statistics"}``, rows only when complete. A large answer has several pages.

    :raises MigrationError: nobody knows.
    """
    rows: list[dict[str, str]] = []
    token: dict[str, str] = {}
    while True:
        with _faults():
            answer = reader.of("logs").get_query_results(queryId=query_id, **token)
            status, statistics = answer["status"], plain_json(answer.get("statistics", {}))
            if status != COMPLETE:
                return {"status": status, "rows": [], "statistics": statistics}
            rows += [{cell["field"]: cell["value"] for cell in row if "value" in cell} for row in answer["results"]]
        if not answer.get("nextToken"):
            return {"status": COMPLETE, "rows": rows, "statistics": statistics}
        if token == {"nextToken": answer["nextToken"]}:
            raise Unknown("GetQueryResults answers the same page again and again", queryId=query_id)
        token = {"nextToken": answer["nextToken"]}


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except SDK_ERRORS as error:
        raise classify(error, mutating=False) from error
    except KeyError as error:
        raise Unknown(f"the answer has no {error}") from error
