"""The one trigger of this package: it waits for a condition of ``wave/waits/`` on the shared poll."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from migration_ops.core.settings import Settings
from migration_ops.core.verdict import Verdict
from migration_ops.wave.waits.conditions import condition_for
from migration_ops.wave.waits.outcome import Reason, Topic, Wait
from migration_ops.wave.waits.poll import watch
from migration_ops.wave.waits.subscriptions import merge, needs_of

# A long sleep is cut up: the loop's clock stands still while a machine is suspended, the deadline does not.
MAX_SLEEP_SECONDS = 60.0
# Subjects named in a log line.
MAX_NAMED = 10
NEVER_READ: dict[str, Any] = {"verdict": Verdict.UNKNOWN.value, "reason": "never read", "view": None}


class WatchTrigger(BaseTrigger):
    """
    Wait until a condition is met, cannot be met any more, or the deadline has passed.

    Yields exactly one event, ``{"reason", "observed", "carry"}``: the fields of
    :class:`~migration_ops.wave.waits.outcome.Resumed`. What AWS refuses to answer is an observation like any other;
    only a fault in this package's own code raises.

    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region: AWS Region; the connection's when None.
    :param topic: what is waited for, a value of :class:`~migration_ops.wave.waits.outcome.Topic`.
    :param subjects: ids of that topic.
    :param until: the condition's parameters.
    :param poll_seconds: time between two looks.
    :param deadline: epoch seconds after which the wait has timed out.
    :param carry: handed back untouched.
    :param first_poll_seconds: no event comes sooner than this: a trigger that fires within seconds of its deferral can
        have its task failed by the executor ("state mismatch", Airflow 3.3.2).
    """

    def __init__(
        self,
        *,
        aws_conn_id: str | None,
        region: str | None,
        topic: str,
        subjects: list[str],
        until: dict[str, Any],
        poll_seconds: float,
        deadline: float,
        carry: dict[str, Any] | None = None,
        first_poll_seconds: float = 15.0,
    ) -> None:
        super().__init__()
        self.aws_conn_id = aws_conn_id
        self.region = region
        self.topic = Topic(topic)
        self.subjects = list(subjects)
        self.until = until
        self.poll_seconds = poll_seconds
        self.deadline = deadline
        self.carry = carry or {}
        self.first_poll_seconds = first_poll_seconds
        self._last_verdicts: dict[str, Any] = {}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "migration_ops.operators.triggers.WatchTrigger",
            {
                "aws_conn_id": self.aws_conn_id,
                "region": self.region,
                "topic": self.topic.value,
                "subjects": self.subjects,
                "until": self.until,
                "poll_seconds": self.poll_seconds,
                "deadline": self.deadline,
                "carry": self.carry,
                "first_poll_seconds": self.first_poll_seconds,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        reason, observed = await (self._sleep() if self.topic is Topic.CLOCK else self._watch())
        self.log.info("%s wait ended: %s", self.topic.value, reason.value)
        yield TriggerEvent({"reason": reason.value, "observed": observed, "carry": self.carry})

    async def on_kill(self) -> None:
        """Nothing to stop: MGN's jobs run to their end, and no call cancels them."""

    async def _sleep(self) -> tuple[Reason, dict[str, Any]]:
        at = float(self.until["at"])
        await asyncio.sleep(self.first_poll_seconds)
        while (pause := min(at, self.deadline) - time.time()) > 0:
            await asyncio.sleep(min(pause, MAX_SLEEP_SECONDS))
        return (Reason.TIMED_OUT if at > self.deadline or self._is_late() else Reason.MET), {}

    async def _watch(self) -> tuple[Reason, dict[str, Any]]:
        """Feeds the condition poll by poll. What is seen after the deadline, say because no triggerer ran, is late."""
        condition = condition_for(self.topic, self.until, self.subjects)
        needs = needs_of(self.topic, self.subjects, self.until)
        observed = {one: dict(NEVER_READ) for one in self.subjects}
        patience = max(self.deadline - time.time(), self.first_poll_seconds)
        key = (self.aws_conn_id, self.region)
        limit = asyncio.timeout(patience)
        try:
            async with (
                limit,
                aclosing(watch(key, needs, self.poll_seconds, self.first_poll_seconds)) as polls,
            ):
                async for seen in polls:
                    result = condition.observe(merge(self.topic, self.subjects, self.until, seen))
                    observed = result.observed
                    self._log_change(observed)
                    if self._is_late() and result.reason is not Reason.FAILED:
                        break
                    if result.reason is not None:
                        return result.reason, observed
        except TimeoutError:
            if not limit.expired():
                raise
        return Reason.TIMED_OUT, observed

    def _is_late(self) -> bool:
        return time.time() > self.deadline

    def _log_change(self, observed: dict[str, dict[str, Any]]) -> None:
        """One line when a verdict changed, naming what is not OK; nothing for a poll that saw the same."""
        verdicts = {subject: one.get("verdict") for subject, one in observed.items()}
        if verdicts == self._last_verdicts:
            return
        self._last_verdicts = verdicts
        tally = Counter(str(verdict) for verdict in verdicts.values())
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(tally.items()))
        open_ones = [f"{s}: {one.get('reason')}" for s, one in observed.items() if one.get("verdict") != Verdict.OK]
        self.log.info("%s: %s%s", self.topic.value, counts, "".join(f"; {one}" for one in open_ones[:MAX_NAMED]))


def trigger_for(wait: Wait, aws_conn_id: str | None, region: str | None, settings: Settings) -> WatchTrigger:
    """The trigger of a step's wait."""
    return WatchTrigger(
        aws_conn_id=aws_conn_id,
        region=region,
        topic=wait.topic.value,
        subjects=list(wait.subjects),
        until=wait.until,
        poll_seconds=wait.poll_seconds,
        deadline=wait.deadline,
        carry=wait.carry,
        first_poll_seconds=settings.first_poll_seconds,
    )
