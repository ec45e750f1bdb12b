"""CloudWatch log groups of functions, and their lines that report errors. Lines are redacted here."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any

from migration_ops.aws.errors import NotFoundError
from migration_ops.aws.inventory.lambda_functions import FUNCTION_LOG_PREFIX
from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import side_by_side
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import NOT_READ, is_failed
from migration_ops.core.listing import Listing
from migration_ops.core.log_levels import is_error
from migration_ops.core.redaction import redacted_text

# Terms are case-sensitive, and one of them is enough. A pattern cannot say where in a line a word must be, so it
# selects too many lines, and ``is_error`` decides. pino and bunyan write levels as numbers.
PATTERN = (
    "?ERR ?Err ?err ?eror ?CRIT ?Crit ?crit ?FATAL ?Fatal ?fatal ?SEVERE ?severe ?ALERT ?alert ?EMERG ?emerg ?PANIC "
    '?panic ?"fail:" ?Exception ?Traceback ?Unhandled ?Uncaught ?"timed out" ?timeout ?failure ?"Process exited" '
    r'?"Runtime exited" ?"\"level\":50" ?"\"level\": 50" ?"\"level\":60" ?"\"level\": 60"'
)
# Counting stops at so many errors ("at least"). The newest of the lines that were read are kept as evidence.
MAX_COUNTED, KEPT_LINES = 1_000, 5
# Pages without events are normal: AWS returns what it has searched so far.
MAX_PAGES = 500


def read(reader: AwsReader) -> dict[str, Any]:
    """``groups``: name and ``errors {count, isCut, lines [{at, stream, line}]}``; ``prefixes``: those searched."""
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
    return {"prefixes": prefixes, "groups": reader.map_present(ours, lambda name: _group(reader, name))}


def _is_ours(reader: AwsReader, name: str) -> bool:
    """Below "/aws/lambda/" only the groups of our functions; below other configured prefixes all groups."""
    if not name.startswith(FUNCTION_LOG_PREFIX):
        return True
    return reader.config.resources.functions.matches(name.removeprefix(FUNCTION_LOG_PREFIX))


def _group(reader: AwsReader, name: str) -> dict[str, Any] | None:
    errors = reader.guarded("logs:filter_log_events", lambda: _errors(reader, name))
    return None if is_gone(errors) else {"name": name, "errors": errors}


def is_gone(found: Any) -> bool:
    """Whether reading a log group failed because it was deleted since it was listed."""
    return is_failed(found) and bool(found[NOT_READ]["code"] == NotFoundError.code)


def _errors(reader: AwsReader, name: str) -> dict[str, Any]:
    """Counts the error lines of the window.

    :raises UnknownError: not searched to the end after ``MAX_PAGES`` pages, so the number is not known.
    """
    count, newest = 0, deque[dict[str, Any]](maxlen=KEPT_LINES)
    pages = (
        reader.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=name,
            filterPattern=PATTERN,
            startTime=int(reader.since.timestamp() * 1000),
            endTime=int(reader.now.timestamp() * 1000),
        )
    )
    for number, page in enumerate(pages, start=1):
        errors = [one for one in page["events"] if is_error(one["message"])]
        count += len(errors)
        newest.extend(errors)
        if count >= MAX_COUNTED:
            break
        if number >= MAX_PAGES and "nextToken" in page:
            raise UnknownError(f"{name}: not searched to the end after {MAX_PAGES} pages; take a shorter window")
    return {"count": count, "isCut": count >= MAX_COUNTED, "lines": [_line(one) for one in newest]}


def _line(event: dict[str, Any]) -> dict[str, Any]:
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    return {"at": at, "stream": event["logStreamName"], "line": redacted_text(event["message"])}


# The lists that checks are about.
ALL = Listing("logs", "", read)
