"""Waits for MGN and EC2: replication, jobs, boot."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.mgn.jobs import JobView
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.verdict import Verdict
from migration_ops.wave.rules.boot import boot_is_lost, instance_state, judge_boot
from migration_ops.wave.rules.replication import ReplicationLimits, judge_replication, replication_is_terminal
from migration_ops.wave.waits.condition import ApiError, Condition, SubjectResult, required, result_from
from migration_ops.wave.waits.outcome import Reason


class ReplicationCondition(Condition):
    """All servers good in the same ``samples`` polls in a row; a terminal state of one ends the wait at once.

    ``until``: ``maxLagSeconds, samples, lifecycle`` and, for the final gate, ``final, maxBackloggedBytes``.
    """

    def _configure(self, until: dict[str, Any]) -> None:
        self._limits = ReplicationLimits(
            max_lag_seconds=float(required(until, "maxLagSeconds", (int, float))),
            lifecycle=frozenset(required(until, "lifecycle", (list, tuple, set, frozenset))),
            max_backlogged_bytes=int(until.get("maxBackloggedBytes") or 0),
        )
        self._final = bool(until.get("final", False))
        self._samples = int(required(until, "samples", int))
        if self._samples < 1 or not self._limits.lifecycle:
            raise InvalidInputError("a wait needs at least one sample and one lifecycle state", path="until")
        self._good = 0

    def _judge(self, subject: str, observation: ServerView) -> SubjectResult:
        check = judge_replication(observation, self._limits, final=self._final)
        is_terminal = replication_is_terminal(observation, self._limits.lifecycle)
        return result_from(check, observation.as_document(), is_terminal=is_terminal)

    def _conclude(self, results: dict[str, SubjectResult]) -> Reason | None:
        reason = super()._conclude(results)
        if reason is not Reason.MET:
            self._good = 0
            return reason
        self._good += 1
        return Reason.MET if self._good >= self._samples else None


class JobsCondition(Condition):
    """Every job is COMPLETED. That says nothing of its servers: ``judge_launch`` does."""

    def _configure(self, until: dict[str, Any]) -> None:
        """No parameters."""

    def _judge(self, subject: str, observation: JobView) -> SubjectResult:
        view = observation.as_document()
        if observation.is_over:
            return SubjectResult(Verdict.OK, "the job is over", view)
        state = f"still running ({observation.status})" if observation.is_active else f"status {observation.status}"
        return SubjectResult(Verdict.UNKNOWN, f"the job is {state}", view)


class BootCondition(Condition):
    """Every new instance is up. An impaired or initialising one is waited for, a lost one ends the wait.

    ``until``: ``instances`` {server id: instance id}, optional ``launchDisposition`` {server id: STARTED | STOPPED}.
    Observations: ``{"view": ServerView | None, "instance": DescribeInstanceStatus item | None}``.
    """

    def _configure(self, until: dict[str, Any]) -> None:
        self._instances: dict[str, str] = dict(required(until, "instances", dict))
        self._dispositions: dict[str, str] = dict(until.get("launchDisposition") or {})
        self._subjects |= set(self._instances)

    def _evaluate(self, subject: str, observation: Any) -> SubjectResult:
        if isinstance(observation, dict):
            for part in ("view", "instance"):
                if isinstance(observation.get(part), ApiError):
                    return super()._evaluate(subject, observation[part])
            if observation.get("view") is None and not self._is_lost(subject, observation):
                return super()._evaluate(subject, None)
        return super()._evaluate(subject, observation)

    def _judge(self, subject: str, observation: dict[str, Any]) -> SubjectResult:
        view, instance = observation.get("view"), observation.get("instance")
        check = judge_boot(view, instance, self._instances.get(subject), launch_disposition=self._disposition(subject))
        return result_from(
            check,
            view.as_document() if view else None,
            is_terminal=self._is_lost(subject, observation),
            instance=_plain(instance),
        )

    def _is_lost(self, subject: str, observation: dict[str, Any]) -> bool:
        return boot_is_lost(
            observation.get("view"),
            observation.get("instance"),
            self._instances.get(subject),
            launch_disposition=self._disposition(subject),
        )

    def _disposition(self, subject: str) -> str:
        return self._dispositions.get(subject) or "STARTED"


def _plain(instance: dict[str, Any] | None) -> dict[str, Any] | None:
    """Only what was judged: EC2's item also holds dates, which are no JSON values."""
    if instance is None:
        return None
    return {
        "instanceId": instance.get("InstanceId"),
        "state": instance_state(instance),
        "instanceStatus": (instance.get("InstanceStatus") or {}).get("Status"),
        "systemStatus": (instance.get("SystemStatus") or {}).get("Status"),
    }
