"""Log groups of the clean functions, with the lines that Lambda and a calm function write."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import timedelta

from include.sandbox.estates.account import Account

RETENTION_DAYS = 90
REQUEST_ID = "8f5a6b1e-0c62-4f0e-9d0a-3f1b7c2d4e5f"


def report_line(size_mb: int, used_mb: int) -> str:
    """What Lambda writes at the end of an invocation."""
    return (
        f"REPORT RequestId: {REQUEST_ID} Duration: 812.40 ms Billed Duration: 813 ms Memory Size: {size_mb} MB "
        f"Max Memory Used: {used_mb} MB"
    )


CALM_LINES = (
    f"START RequestId: {REQUEST_ID} Version: $LATEST",
    '{"level": "INFO", "message": "wave plan is valid", "correlationId": "mig-clean-1"}',
    f"END RequestId: {REQUEST_ID}",
    report_line(256, 141),
)


def seed(account: Account) -> None:
    for name in ("validate-input", "verify-migration", "finalize-cutover"):
        write_lines(account, f"/aws/lambda/{name}", CALM_LINES)


def make_log_group(account: Account, name: str, *, retention_days: int | None = RETENTION_DAYS) -> str:
    """A log group; its name. :param retention_days: None: kept for ever."""
    logs = account.client("logs")
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=name)
    if retention_days:
        logs.put_retention_policy(logGroupName=name, retentionInDays=retention_days)
    return name


def write_lines(
    account: Account, group: str, lines: Sequence[str], *, stream: str = "runs", minutes_ago: float = 10
) -> None:
    """Lines a second apart, the first one so many minutes ago; the group must be there."""
    logs = account.client("logs")
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    first = account.now - timedelta(minutes=minutes_ago)
    events = [
        {"timestamp": int((first + timedelta(seconds=number)).timestamp() * 1000), "message": line}
        for number, line in enumerate(lines)
    ]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
