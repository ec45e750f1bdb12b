"""Sensors for MGN, for your own DAGs; the wave itself waits through its steps."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import conf

from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.aws.mgn.jobs import STATUS_ACTIVE, STATUS_OVER
from migration_ops.aws.mgn.states import (
    LAUNCHABLE_FOR_CUTOVER,
    LAUNCHABLE_FOR_TEST,
    REPLICATION_READY,
    REPLICATION_TERMINAL,
    REPLICATION_WAITING,
)
from migration_ops.core.errors import InvalidInputError, MigrationError, StepFailedError, StepTimedOutError
from migration_ops.core.settings import read_settings
from migration_ops.operators.links import MgnJobLink, MgnSourceServerLink
from migration_ops.operators.triggers import trigger_for
from migration_ops.wave.waits.conditions import ApiError, Condition, condition_for
from migration_ops.wave.waits.outcome import Reason, Topic, Wait

if TYPE_CHECKING:
    from airflow.sdk import Context


class MgnBaseSensor(AwsBaseSensor[MgnHook]):
    """
    Wait for a condition of MGN; subclasses say which, and how to read it.

    Looks once before it defers: a wait that is already over costs no deferral. What MGN does not say never ends
    the wait.

    :param deferrable: If True, the sensor waits in the triggerer, on the poll that all waits share.
    """

    aws_hook_class = MgnHook
    ui_color = "#66c3ff"
    topic: Topic

    def __init__(
        self, *, deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.deferrable = deferrable
        self._observed: dict[str, Any] = {}

    @property
    @abstractmethod
    def subjects(self) -> list[str]:
        """The ids that are waited for."""

    @property
    @abstractmethod
    def until(self) -> dict[str, Any]:
        """The condition's parameters."""

    @abstractmethod
    def observe(self) -> Mapping[str, Any]:
        """Reads MGN once."""

    @abstractmethod
    def persist_links(self, context: Context) -> None:
        """Leaves the links to the console."""

    @cached_property
    def _condition(self) -> Condition:
        return condition_for(self.topic, self.until, self.subjects)

    def execute(self, context: Context) -> Any:
        self.persist_links(context)
        if not self.deferrable:
            super().execute(context)
            return self._observed
        if self.poke(context):
            return self._observed
        wait = Wait(
            topic=self.topic,
            subjects=tuple(self.subjects),
            until=self.until,
            poll_seconds=self.poke_interval,
            deadline=time.time() + self.timeout,
            why=f"{self.task_id}: {self.topic.value} of {len(self.subjects)}",
        )
        # The trigger has the deadline, so that a time-out still says what was seen last.
        return self.defer(
            trigger=trigger_for(wait, self.aws_conn_id, self.region_name, read_settings()),
            method_name="execute_complete",
        )

    def poke(self, context: Context) -> bool:
        """:raises StepFailedError: the condition cannot be met any more."""
        result = self._condition.observe(self._look())
        self._observed = result.observed
        if result.reason is Reason.FAILED:
            raise self._failure(StepFailedError, result.observed)
        return result.reason is Reason.MET

    def _look(self) -> dict[str, Any]:
        """What the condition sees. A retryable error does not fail the sensor: it makes the subjects UNKNOWN."""
        try:
            found = self.observe()
        except MigrationError as error:
            if not error.retryable:
                raise
            return dict.fromkeys(self.subjects, ApiError(str(error)))
        return {one: found.get(one) for one in self.subjects}

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """:raises StepFailedError, StepTimedOutError: how the wait ended, with the reasons by subject."""
        if event is None:
            raise StepFailedError("The trigger sent no event.", taskId=self.task_id)
        if event["reason"] != Reason.MET:
            raise self._failure(
                StepTimedOutError if event["reason"] == Reason.TIMED_OUT else StepFailedError, event["observed"]
            )
        observed: dict[str, Any] = event["observed"]
        return observed

    def _failure(self, kind: type[StepFailedError], observed: Mapping[str, Mapping[str, Any]]) -> StepFailedError:
        reasons = {one: seen.get("reason") for one, seen in observed.items() if seen.get("verdict") != "OK"}
        return kind(f"The wait of {self.task_id} ended without success.", reasons=reasons)

    def _persist(self, link: Any, context: Context, **ids: str) -> None:
        link.persist(
            context=context,
            operator=self,
            region_name=self.hook.conn_region_name,
            aws_partition=self.hook.conn_partition,
            **ids,
        )


class MgnReplicationSensor(MgnBaseSensor):
    """
    Wait until source servers replicate continuously, with a known lag under the limit, and may be launched.

    :param source_server_ids: MGN source server ids.
    :param max_lag_seconds: the greatest lag allowed.
    :param samples: for how many looks in a row.
    :raises InvalidInputError: several samples in ``mode="reschedule"``, which starts over each time.
    """

    INTERMEDIATE_STATES = tuple(sorted(REPLICATION_WAITING))
    FAILURE_STATES = tuple(sorted(REPLICATION_TERMINAL))
    SUCCESS_STATES = tuple(sorted(REPLICATION_READY))

    topic = Topic.REPLICATION
    template_fields: Sequence[str] = aws_template_fields("source_server_ids")
    operator_extra_links = (MgnSourceServerLink(),)

    def __init__(
        self, *, source_server_ids: list[str], max_lag_seconds: float = 600, samples: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.source_server_ids = source_server_ids
        self.max_lag_seconds = max_lag_seconds
        self.samples = samples
        if self.reschedule and samples > 1 and not self.deferrable:
            raise InvalidInputError(
                "Reschedule mode forgets earlier samples; use deferrable or mode poke.", samples=samples
            )

    @property
    def subjects(self) -> list[str]:
        return list(self.source_server_ids)

    @property
    def until(self) -> dict[str, Any]:
        return {
            "maxLagSeconds": self.max_lag_seconds,
            "samples": self.samples,
            "final": False,
            "maxBackloggedBytes": None,
            "lifecycle": sorted(LAUNCHABLE_FOR_TEST | LAUNCHABLE_FOR_CUTOVER),
        }

    def observe(self) -> Mapping[str, Any]:
        return self.hook.describe_servers(self.subjects)

    def persist_links(self, context: Context) -> None:
        self._persist(MgnSourceServerLink, context, source_server_id=self.subjects[0])


class MgnJobSensor(MgnBaseSensor):
    """
    Wait until MGN jobs are over.

    COMPLETED only means over; there is no failed job (so ``FAILURE_STATES`` is empty). The result has each job's
    servers with their launch status: judge those.

    :param job_ids: MGN job ids.
    """

    INTERMEDIATE_STATES = tuple(sorted(STATUS_ACTIVE))
    FAILURE_STATES: tuple[str, ...] = ()
    SUCCESS_STATES = tuple(sorted(STATUS_OVER))

    topic = Topic.JOBS
    template_fields: Sequence[str] = aws_template_fields("job_ids")
    operator_extra_links = (MgnJobLink(),)

    def __init__(self, *, job_ids: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_ids = job_ids

    @property
    def subjects(self) -> list[str]:
        return list(self.job_ids)

    @property
    def until(self) -> dict[str, Any]:
        return {}

    def observe(self) -> Mapping[str, Any]:
        return self.hook.describe_jobs(self.subjects)

    def persist_links(self, context: Context) -> None:
        self._persist(MgnJobLink, context, job_id=self.subjects[0])
