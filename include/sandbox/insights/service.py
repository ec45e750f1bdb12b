"""StartQuery and GetQueryResults in moto, answered truly: moto 5.2.5 ignores filter and stats.

A query is accepted, is running when first asked for, and is complete from the second time on, as a poller sees AWS.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from moto.logs.exceptions import InvalidParameterException, LogsClientError, ResourceNotFoundException
from moto.logs.models import LogGroup, LogsBackend
from moto.logs.responses import LogsResponse

from include.sandbox.insights.evaluator import Answer, check, run
from include.sandbox.insights.events import events_of
from include.sandbox.insights.language import parse
from include.sandbox.insights.tokens import Malformed

MAX_LOG_GROUPS = 50
STANDARD_CLASS, UNREADABLE_CLASS = "STANDARD", "DELIVERY"
MAX_QUERY_CHARACTERS = 10_000
ENDS = ("Failed", "Cancelled", "Timeout", "Unknown")
_next_ends: deque[str] = deque()


class MalformedQueryException(LogsClientError):
    """The query is none."""

    def __init__(self, message: str) -> None:
        super().__init__("MalformedQueryException", message)


@dataclass
class Query:
    """A started query, in the shape that moto's responses use."""

    text: str
    log_group_names: list[str]
    answer: Answer
    created_at: int
    query_id: str
    # How it ends, if not well.
    end: str = "Complete"
    status: str = "Scheduled"

    def poll(self) -> None:
        self.status = {"Scheduled": "Running", "Running": self.end}.get(self.status, self.status)

    def to_json(self, log_group_name: str) -> dict[str, Any]:
        return {
            "queryId": self.query_id,
            "queryString": self.text,
            "status": self.status,
            "createTime": self.created_at,
            "logGroupName": log_group_name,
        }

    def to_result_json(self) -> dict[str, Any]:
        rows = self.answer.rows if self.status == "Complete" else []
        return {
            "queryLanguage": "CWLI",
            "status": self.status,
            "results": [[{"field": name, "value": value} for name, value in row.items()] for row in rows],
            "statistics": {
                "recordsMatched": float(self.answer.matched),
                "recordsScanned": float(self.answer.scanned),
                "bytesScanned": 0.0,
            },
        }


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if not hasattr(LogGroup, "log_group_class"):
        _know_classes()
    LogsBackend.start_query = _start_query
    LogsBackend.get_query_results = _get_query_results


def _know_classes() -> None:
    """moto 5.2.5 takes a log group's class and forgets it."""
    describe, make = LogGroup.to_describe_dict, LogsResponse.create_log_group

    def to_describe_dict(self: LogGroup) -> dict[str, Any]:
        return {**describe(self), "logGroupClass": self.log_group_class}

    def create_log_group(self: LogsResponse) -> str:
        answer = make(self)
        name = self._get_param("logGroupName")
        self.logs_backend.groups[name].log_group_class = self._get_param("logGroupClass") or STANDARD_CLASS
        return answer

    LogGroup.log_group_class = STANDARD_CLASS
    LogGroup.to_describe_dict = to_describe_dict
    LogsResponse.create_log_group = create_log_group


def end_next_query(status: str) -> None:
    """The next query that is started ends so: Failed, Cancelled, Timeout or Unknown."""
    if status not in ENDS:
        raise ValueError(f"status must be one of {ENDS}")
    _next_ends.append(status)


def forget_all() -> None:
    _next_ends.clear()


def _start_query(
    self: LogsBackend, log_group_names: list[str] | None, start_time: int, end_time: int, query_string: str
) -> str:
    if not log_group_names or len(log_group_names) > MAX_LOG_GROUPS:
        raise InvalidParameterException(f"1 to {MAX_LOG_GROUPS} log groups must be named")
    if start_time > end_time:
        raise InvalidParameterException("End time should not be before start time")
    for name in log_group_names:
        if name not in self.groups:
            raise ResourceNotFoundException(f"Log group '{name}' does not exist for account ID '{self.account_id}'")
    classes = {self.groups[name].log_group_class for name in log_group_names}
    if len(classes) > 1 or UNREADABLE_CLASS in classes:
        raise InvalidParameterException(f"log groups of one class that queries can read, not of {sorted(classes)}")
    if len(query_string) > MAX_QUERY_CHARACTERS:
        raise InvalidParameterException(f"a query has at most {MAX_QUERY_CHARACTERS} characters")
    try:
        commands = parse(query_string)
        check(commands)
        groups = [self.groups[name] for name in log_group_names]
        answer = run(commands, events_of(groups, self.account_id, start_time, end_time))
    except Malformed as error:
        raise MalformedQueryException(f"unexpected symbol: {error}") from error
    end = _next_ends.popleft() if _next_ends else "Complete"
    query = Query(query_string, list(log_group_names), answer, start_time * 1000, str(uuid4()), end)
    self.queries[query.query_id] = query
    return query.query_id


def _get_query_results(self: LogsBackend, query_id: str) -> Query:
    query: Query | None = self.queries.get(query_id)
    if query is None:
        raise ResourceNotFoundException("The specified query does not exist.")
    query.poll()
    return query
