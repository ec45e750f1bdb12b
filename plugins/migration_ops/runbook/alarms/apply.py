"""Corrects the alarms of one kind: puts missing and drifted ones, deletes orphaned ones, and reads all back.

No approval is needed: a deleted alarm is made again as soon as it is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from migration_ops.aws.errors import SDK_ERRORS, to_aws_error
from migration_ops.aws.reader import AwsReader
from migration_ops.core.carry_out import ActionOutcome, ChangeResult, Effect
from migration_ops.core.change import Action, ChangePlan, Undo
from migration_ops.core.errors import OutcomeUnknownError
from migration_ops.core.facts import NotReadError, Snapshot
from migration_ops.core.finding import Route
from migration_ops.runbook.alarms.alarm import OWNER_TAG, Alarm
from migration_ops.runbook.alarms.drift import (
    TO_DELETE,
    TO_PUT,
    Deviation,
    State,
    compare,
    differences,
    read_actual,
    with_doubts,
)
from migration_ops.runbook.alarms.subjects import read_subjects
from migration_ops.runbook.alarms.wanted import desired_and_doubts, subjects_of

MAKE, PUT_RIGHT, DELETE = "make", "put right", "delete"
_PAST = {MAKE: "made", PUT_RIGHT: "put right", DELETE: "deleted"}
UNDO = Undo(how="Change resources.yaml or thresholds.yaml back and run runbook_alarms: it makes the alarms again.")


@dataclass(frozen=True)
class Done:
    """What was done about one alarm; ``error`` is None when the alarm is as wanted now."""

    name: str
    action: str
    error: str | None = None


@dataclass
class AlarmChange:
    """
    The alarms of one kind, as a change.

    An alarm whose actions a person disabled keeps them disabled. A tag says which installation an alarm belongs to.

    :param topics: ARN by route.
    :param wanted: set by ``plan``; ``doubts`` too, see ``desired_and_doubts``.
    :param deviations: as they were last read.
    """

    reader: AwsReader
    kind: str
    topics: Mapping[Route, str]
    wanted: list[Alarm] = field(default_factory=list)
    doubts: dict[str, str] = field(default_factory=dict)
    deviations: list[Deviation] = field(default_factory=list)

    def plan(self) -> ChangePlan:
        """:raises NotReadError: the subjects or the alarms could not be listed."""
        subjects = subjects_of(self.kind)
        read = Snapshot(read_subjects(self.reader, subjects) if subjects else {})
        self.wanted, self.doubts = desired_and_doubts(self.kind, read, self.reader.config.thresholds)
        self.deviations = self._compared()
        actions = tuple(action for one in self.deviations if (action := _action(one)) is not None)
        return ChangePlan(f"alarms {self.kind}", actions, UNDO)

    def send(self, actions: Sequence[Action]) -> None:
        """
        Puts or deletes the alarms, one per call. PutMetricAlarm has a quota of three calls a second.

        :raises MigrationError: AWS refused a call, or its outcome is unknown.
        """
        deviations = {one.name: one for one in self.deviations}
        cloudwatch = self.reader.client("cloudwatch")
        for action in actions:
            try:
                if action.what == DELETE:
                    cloudwatch.delete_alarms(AlarmNames=[action.resource])
                else:
                    cloudwatch.put_metric_alarm(**self._request(deviations[action.resource]))
            except SDK_ERRORS as error:
                raise to_aws_error(error, mutating=True) from error

    def read_back(self, actions: Sequence[Action]) -> Mapping[str, Effect]:
        """:raises NotReadError: the alarms could not be listed."""
        self.deviations = self._compared()
        now = {one.name: one.state for one in self.deviations}
        return {one.key: _effect(one, now.get(one.resource)) for one in actions}

    def _compared(self) -> list[Deviation]:
        requests = {alarm.name: alarm.request(self.topics) for alarm in self.wanted}

        def needs_tags(alarm: dict[str, Any]) -> bool:
            request = requests.get(alarm["AlarmName"])
            return request is None or bool(differences(alarm, request))

        actual = Snapshot({"alarms": read_actual(self.reader, self.kind, needs_tags)})["alarms"]
        return with_doubts(compare(self.wanted, actual, self.topics), self.doubts)

    def _request(self, one: Deviation) -> dict[str, Any]:
        if one.wanted is None:
            raise NotReadError("nobody knows how this alarm should be", alarm=one.name)
        request = one.wanted.request(self.topics) | {"ActionsEnabled": not one.is_silenced}
        # PutMetricAlarm takes tags only when it creates the alarm.
        is_new = one.state is State.MISSING
        return request | ({"Tags": [{"Key": OWNER_TAG, "Value": self.reader.settings.table_name}]} if is_new else {})


def _action(one: Deviation) -> Action | None:
    if one.state in TO_PUT and one.wanted is not None:
        before = {field["field"]: field["is"] for field in one.fields} or None
        after = {field["field"]: field["should"] for field in one.fields} or "as wanted"
        return Action(MAKE if one.state is State.MISSING else PUT_RIGHT, one.name, before, after)
    if one.state in TO_DELETE:
        return Action(DELETE, one.name, before="watches nothing any more")
    return None


def _effect(action: Action, now: State | None) -> Effect:
    """``now`` is None for an alarm that is not there, or is not ours."""
    if now is State.UNREAD:
        return Effect.UNKNOWN
    wanted = (None,) if action.what == DELETE else (State.AS_WANTED, State.DISABLED)
    return Effect.DONE if now in wanted else Effect.NOT_DONE


def done_of(result: ChangeResult) -> list[Done]:
    """What was done about each alarm, for log and report."""
    return [_done(one) for one in result.outcomes]


def _done(one: ActionOutcome) -> Done:
    name, past = one.action.resource, _PAST[one.action.what]
    if one.error is None:
        return Done(name, past)
    if one.effect is Effect.DONE:
        # The answer was lost, or somebody else did what was refused to us.
        return Done(name, past if isinstance(one.error, OutcomeUnknownError) else f"not {past}")
    return Done(name, f"not {past}", f"{one.error.code}: {one.error.message}")
