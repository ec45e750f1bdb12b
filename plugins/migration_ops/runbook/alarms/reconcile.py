"""One kind of alarm from reading to report: read, compare, put right when asked, and look again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.facts import Facts, NotRead
from migration_ops.core.finding import Finding, Route
from migration_ops.runbook.alarms.alarm import Alarm
from migration_ops.runbook.alarms.apply import Done, apply
from migration_ops.runbook.alarms.drift import Deviation, compare, differences, read_existing
from migration_ops.runbook.alarms.findings import findings_of, tables_of, unread
from migration_ops.runbook.alarms.subjects import read_subjects
from migration_ops.runbook.alarms.wanted import desired, subjects_of


@dataclass(frozen=True)
class Looked:
    """What became of one kind."""

    findings: tuple[Finding, ...]
    tables: tuple[dict[str, Any], ...] = ()
    done: tuple[Done, ...] = ()


def look_at(reader: Reader, kind: str, topics: Mapping[Route, str], *, is_dry: bool) -> Looked:
    """
    Compares one kind of alarm; unless ``is_dry``, puts it right and reads it back.

    What could not be read changes nothing: an alarm whose subject nobody could list is no orphan.
    """
    done: list[Done] = []
    try:
        wanted = _wanted(reader, kind)
        deviations = _compared(reader, kind, wanted, topics)
    except NotRead as error:
        return Looked((unread(kind, error.message),))
    if not is_dry:
        done = apply(reader.of("cloudwatch"), deviations, topics, reader.settings.table_name)
    if done:
        # What AWS has now is what counts.
        try:
            deviations = _compared(reader, kind, wanted, topics)
        except NotRead as error:
            fault = unread(kind, f"could not be read back: {error.message}")
            return Looked((fault,), tuple(tables_of(wanted, done)), tuple(done))
    return Looked(tuple(findings_of(kind, deviations, done)), tuple(tables_of(wanted, done)), tuple(done))


def _wanted(reader: Reader, kind: str) -> list[Alarm]:
    """:raises NotRead: what the alarms watch could not be listed."""
    subjects = subjects_of(kind)
    read = read_subjects(reader, subjects) if subjects else {}
    return desired(kind, Facts(read), reader.config.thresholds)


def _compared(reader: Reader, kind: str, wanted: list[Alarm], topics: Mapping[Route, str]) -> list[Deviation]:
    """:raises NotRead: the alarms that are there could not be listed."""
    requests = {alarm.name: alarm.request(topics) for alarm in wanted}

    def is_doubtful(alarm: dict[str, Any]) -> bool:
        request = requests.get(alarm["AlarmName"])
        return request is None or bool(differences(alarm, request))

    return compare(wanted, Facts({"alarms": read_existing(reader, kind, is_doubtful)})["alarms"], topics)
