"""Waits on virtual time, poll by poll, with the conditions that the trigger evaluates."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from include.simulation.account import SETTINGS, Account
from include.simulation.runs import Instance
from migration_ops.core.errors import MigrationError
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.wave.waits.conditions import ApiError, condition_for
from migration_ops.wave.waits.feeds import calendar_states, instance_statuses
from migration_ops.wave.waits.outcome import Reason, Resumed, Topic, Wait
from migration_ops.wave.waits.subscriptions import merge, needs_of


class Waiting:
    """The triggerer. Its clock is right, but the deadline was set by a worker whose clock may be wrong."""

    def __init__(self, account: Account) -> None:
        self._account, self._clock = account, account.world.clock
        self._readers: dict[str, Callable[[list[str]], Any]] = {
            "servers": account.hook.describe_servers,
            "jobs": account.hook.describe_jobs,
            "instances": partial(instance_statuses, account.client("ec2")),
            "ledger": self._records,
            "calendars": partial(calendar_states, account.client("ssm")),
        }

    def _records(self, ids: list[str]) -> dict[str, Any]:
        table = self._account.client("dynamodb")
        return dict(DynamoDbLedger(table, SETTINGS.table_name, self._clock.moment).read(ids))

    def first_poll_at(self, wait: Wait) -> float:
        soonest = self._clock.now() + SETTINGS.first_poll_seconds
        if wait.topic is Topic.CLOCK:
            return max(soonest, min(float(wait.until["at"]), wait.deadline))
        return soonest

    def poll(self, one: Instance) -> Resumed | None:
        """The end of the wait; or None, with the time of the next poll in ``due_at``."""
        wait = one.wait
        assert wait is not None
        is_late = self._clock.now() > wait.deadline
        if wait.topic is Topic.CLOCK:
            late = wait.until["at"] > wait.deadline or is_late
            return Resumed(Reason.TIMED_OUT if late else Reason.MET, {}, wait.carry)
        subjects = list(wait.subjects)
        if one.condition is None:
            one.condition = condition_for(wait.topic, wait.until, subjects, clock=self._clock.real)
            one.wants = needs_of(wait.topic, subjects, wait.until)
        seen = {feed: self._read(feed.value, sorted(ids)) for feed, ids in one.wants.items()}
        judged = one.condition.observe(merge(wait.topic, subjects, wait.until, seen))
        one.polls += 1
        if self._clock.now() > wait.deadline and judged.reason is not Reason.FAILED:
            return Resumed(Reason.TIMED_OUT, judged.observed, wait.carry)
        if judged.reason is not None:
            return Resumed(judged.reason, judged.observed, wait.carry)
        one.due_at = self._clock.now() + wait.poll_seconds
        return None

    def _read(self, feed: str, ids: list[str]) -> dict[str, Any]:
        """Reads one feed. An error is returned as an observation, as in the shared poll."""
        try:
            found: dict[str, Any] = self._readers[feed](ids)
        except MigrationError as error:
            return dict.fromkeys(ids, ApiError(str(error)))
        return found
