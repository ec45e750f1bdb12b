"""CloudWatch log groups of functions, and the lines in them that tell of errors. Lines are redacted here."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.batches import side_by_side
from migration_ops.core.errors import Unknown
from migration_ops.core.facts import is_failed
from migration_ops.core.redaction import redacted_text
from migration_ops.runbook.readers.functions import FUNCTION_LOG_PREFIX

# Terms are case-sensitive, and one of them is enough. ERROR alone misses timeouts and killed processes.
PATTERN = '?ERROR ?CRITICAL ?FATAL ?Exception ?"Task timed out" ?"Runtime exited" ?"Runtime.ExitError"'
# Beyond so many the number is said to be "at least"; so many of the newest are kept as evidence.
MAX_COUNTED, KEPT_LINES = 1_000, 5
# Pages without an event are normal: AWS answers what it has searched so far.
MAX_PAGES = 500


def read(reader: Reader) -> dict[str, Any]:
    """``groups``: name and ``errors {count, isCut, lines [{at, stream, line}]}``; ``prefixes``: where was looked."""
    prefixes = list(reader.config.resources.log_group_prefixes)
    found = side_by_side(
        prefixes,
        lambda prefix: reader.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=prefix),
    )
    unread = next((some for some in found if is_failed(some)), None)
    if unread is not None:
        return {"prefixes": prefixes, "groups": unread}
    names = sorted({one["logGroupName"] for some in found for one in some})
    ours = [name for name in names if _is_ours(reader, name)]
    return {"prefixes": prefixes, "groups": reader.each(ours, lambda name: _group(reader, name))}


def _is_ours(reader: Reader, name: str) -> bool:
    """Of the functions' groups only those of our functions; of another prefix all: that is what it was given for."""
    if not name.startswith(FUNCTION_LOG_PREFIX):
        return True
    return reader.config.resources.functions.takes(name.removeprefix(FUNCTION_LOG_PREFIX))


def _group(reader: Reader, name: str) -> dict[str, Any]:
    return {"name": name, "errors": reader.attempt("logs:filter_log_events", lambda: _errors(reader, name))}


def _errors(reader: Reader, name: str) -> dict[str, Any]:
    """:raises Unknown: there is more to search than one look should take: then nobody knows."""
    count, newest = 0, deque[dict[str, Any]](maxlen=KEPT_LINES)
    pages = (
        reader.of("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=name,
            filterPattern=PATTERN,
            startTime=int(reader.since.timestamp() * 1000),
            endTime=int(reader.now.timestamp() * 1000),
        )
    )
    for number, page in enumerate(pages, start=1):
        count += len(page["events"])
        newest.extend(page["events"])
        if count >= MAX_COUNTED:
            break
        if number >= MAX_PAGES and "nextToken" in page:
            raise Unknown(f"{name}: not searched to the end after {MAX_PAGES} pages; take a shorter window")
    return {"count": count, "isCut": count >= MAX_COUNTED, "lines": [_line(one) for one in newest]}


def _line(event: dict[str, Any]) -> dict[str, Any]:
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    return {"at": at, "stream": event["logStreamName"], "line": redacted_text(event["message"])}
