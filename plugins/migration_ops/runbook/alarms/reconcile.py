"""One kind of alarm from reading to report: read, compare, correct when asked, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.carry_out import carry_out
from migration_ops.core.facts import NotReadError
from migration_ops.core.finding import Finding, Route
from migration_ops.runbook.alarms.apply import AlarmChange, Done, done_of
from migration_ops.runbook.alarms.drift import has_none
from migration_ops.runbook.alarms.findings import findings_of, not_installed, tables_of, unread


@dataclass(frozen=True)
class AlarmReview:
    """The result for one kind."""

    findings: tuple[Finding, ...]
    tables: tuple[dict[str, Any], ...] = ()
    done: tuple[Done, ...] = ()


def look_at(reader: AwsReader, kind: str, topics: Mapping[Route, str], *, dry_run: bool) -> AlarmReview:
    """
    Compares one kind of alarm; unless ``dry_run``, corrects it and reads it back.

    What could not be read changes nothing: an alarm is no orphan when its subject could not be listed. When this
    installation has no alarm at all yet, a dry run says so in one WARNING instead of one per missing alarm.
    """
    change = AlarmChange(reader, kind, topics)
    try:
        return _shown(change) if dry_run else _put_right(change)
    except NotReadError as error:
        return AlarmReview((unread(kind, error.message),))


def _shown(change: AlarmChange) -> AlarmReview:
    change.plan()
    tables = tuple(tables_of(change.wanted, ()))
    if change.wanted and not change.doubts and has_none(change.reader):
        return AlarmReview((not_installed(change.kind, len(change.wanted)),), tables)
    return AlarmReview(tuple(findings_of(change.kind, change.deviations)), tables)


def _put_right(change: AlarmChange) -> AlarmReview:
    result = carry_out(change)
    done = tuple(done_of(result))
    tables = tuple(tables_of(change.wanted, done))
    if result.unread is not None:
        fault = unread(change.kind, f"could not be read back: {result.unread.message}")
        return AlarmReview((fault,), tables, done)
    # What was read back counts, not what the calls answered.
    return AlarmReview(tuple(findings_of(change.kind, change.deviations, done)), tables, done)
