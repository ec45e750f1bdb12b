"""One kind of alarm from reading to report: read, compare, put right when asked, and look again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import NotReadError, Snapshot
from migration_ops.core.finding import Finding, Route
from migration_ops.runbook.alarms.alarm import Alarm
from migration_ops.runbook.alarms.apply import Done, apply
from migration_ops.runbook.alarms.drift import Deviation, compare, differences, has_none, read_actual, with_doubts
from migration_ops.runbook.alarms.findings import findings_of, not_installed, tables_of, unread
from migration_ops.runbook.alarms.subjects import read_subjects
from migration_ops.runbook.alarms.wanted import desired_and_doubts, subjects_of


@dataclass(frozen=True)
class AlarmReview:
    """What became of one kind."""

    findings: tuple[Finding, ...]
    tables: tuple[dict[str, Any], ...] = ()
    done: tuple[Done, ...] = ()


def look_at(
    reader: AwsReader, kind: str, topics: Mapping[Route, str], *, dry_run: bool, may_be_new: bool = False
) -> AlarmReview:
    """
    Compares one kind of alarm; unless ``dry_run``, puts it right and reads it back.

    What could not be read changes nothing: an alarm whose subject nobody could list is no orphan.

    :param may_be_new: where this installation has no alarm at all yet, say so in one WARNING, instead of one a missing
        alarm.
    """
    done: list[Done] = []
    try:
        wanted, doubts = _wanted(reader, kind)
        deviations = with_doubts(_compared(reader, kind, wanted, topics), doubts)
        is_new = dry_run and may_be_new and bool(wanted) and not doubts and has_none(reader)
    except NotReadError as error:
        return AlarmReview((unread(kind, error.message),))
    if is_new:
        return AlarmReview((not_installed(kind, len(wanted)),), tuple(tables_of(wanted, ())))
    if not dry_run:
        done = apply(reader.client("cloudwatch"), deviations, topics, reader.settings.table_name)
    if done:
        # What AWS has now is what counts.
        try:
            deviations = with_doubts(_compared(reader, kind, wanted, topics), doubts)
        except NotReadError as error:
            fault = unread(kind, f"could not be read back: {error.message}")
            return AlarmReview((fault,), tuple(tables_of(wanted, done)), tuple(done))
    return AlarmReview(tuple(findings_of(kind, deviations, done)), tuple(tables_of(wanted, done)), tuple(done))


def _wanted(reader: AwsReader, kind: str) -> tuple[list[Alarm], dict[str, str]]:
    """:raises NotReadError: what the alarms watch could not be listed."""
    subjects = subjects_of(kind)
    read = read_subjects(reader, subjects) if subjects else {}
    return desired_and_doubts(kind, Snapshot(read), reader.config.thresholds)


def _compared(reader: AwsReader, kind: str, wanted: list[Alarm], topics: Mapping[Route, str]) -> list[Deviation]:
    """:raises NotReadError: the alarms that are there could not be listed."""
    requests = {alarm.name: alarm.request(topics) for alarm in wanted}

    def needs_tags(alarm: dict[str, Any]) -> bool:
        request = requests.get(alarm["AlarmName"])
        return request is None or bool(differences(alarm, request))

    return compare(wanted, Snapshot({"alarms": read_actual(reader, kind, needs_tags)})["alarms"], topics)
