"""What a wait's trigger evaluates: one condition per topic, asked once per poll."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from migration_ops.wave.waits.condition import ABSENCES_UNTIL_FAILED, ApiError, Condition, ConditionResult
from migration_ops.wave.waits.mgn import BootCondition, JobsCondition, ReplicationCondition
from migration_ops.wave.waits.outcome import Topic
from migration_ops.wave.waits.time import CalendarCondition, ClockCondition, LedgerCondition

__all__ = ["ABSENCES_UNTIL_FAILED", "CONDITIONS", "ApiError", "Condition", "ConditionResult", "condition_for"]

CONDITIONS: dict[Topic, type[Condition]] = {
    Topic.REPLICATION: ReplicationCondition,
    Topic.JOBS: JobsCondition,
    Topic.BOOT: BootCondition,
    Topic.LEDGER: LedgerCondition,
    Topic.CLOCK: ClockCondition,
    Topic.CALENDAR: CalendarCondition,
}


def condition_for(
    topic: Topic | str,
    until: dict[str, Any],
    subjects: Iterable[str] = (),
    *,
    clock: Callable[[], float] = time.time,
) -> Condition:
    """A fresh condition for one wait.

    :param subjects: pass ``Wait.subjects``, so that a subject which a poll leaves out is missed from the first poll on.
    :param clock: epoch seconds.
    :raises InvalidInputError: ``until`` lacks what the topic needs.
    """
    return CONDITIONS[Topic(topic)](until, subjects, clock)
