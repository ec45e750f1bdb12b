"""Whether what was rolled back stayed so: a launch whose answer was lost may take effect after ROLLED_BACK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import MigrationError, StepFailedError
from migration_ops.core.states import Phase
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import LockHeldError, Record, VersionConflictError
from migration_ops.wave.launching.external_launches import find_external_launches
from migration_ops.wave.launching.instances import Looked
from migration_ops.wave.launching.job_lookup import Action
from migration_ops.wave.launching.late_jobs import adopt_late
from migration_ops.wave.launching.lifecycle import views_of
from migration_ops.wave.launching.terminate import instances_left
from migration_ops.wave.records import transition
from migration_ops.wave.services import Services

CHECK = "rolled back"
_LAUNCHED = frozenset({"TESTING", "CUTTING_OVER"})
_WAY_OUT = "run migration_rollback to undo it"


class LaunchedAfterRollbackError(StepFailedError):
    """A launch took effect after the rollback was verified; an instance runs, or will."""

    code = "LAUNCHED_AFTER_ROLLBACK"
    hint = "Nobody uses that instance yet, unless somebody else launched it: run migration_rollback to undo it."


LAUNCHED_AFTER_ROLLBACK = LaunchedAfterRollbackError.code


def look_after_rollback(services: Services, records: list[Record], *, freeze_all: bool = False) -> Looked:
    """Looks at MGN and EC2 whether the rolled back ones among the records stayed so.

    A launch of this migration that took effect since makes its record FROZEN (LAUNCHED_AFTER_ROLLBACK), and a later
    rollback undoes it. A launch of somebody else is BLOCKED in the checks; it does not make the rollback untrue.

    :param freeze_all: somebody wants a rollback now: a launch of somebody else makes its record FROZEN too.
    :return: all records as they are now, and a check by source server id of each that was ROLLED_BACK.
    :raises MigrationError: MGN, EC2 or the ledger could not be read.
    """
    back = [record for record in records if record.phase is Phase.ROLLED_BACK]
    if not back:
        return Looked(records)
    for action in (Action.TEST, Action.CUTOVER):
        back = adopt_late(services, back, action)
    seen = _Seen.read(services, back)
    checks = {record.source_server_id: seen.judge(record) for record in back}
    now = {record.migration_id: record for record in back}
    wrong = [
        record
        for record in back
        if checks[record.source_server_id].verdict is not Verdict.OK
        and (freeze_all or record.source_server_id not in seen.foreign)
    ]
    now |= {record.migration_id: record for record in _frozen(services, wrong, checks)}
    return Looked([now.get(record.migration_id, record) for record in records], checks)


def looked_after_rollback_or_unknown(services: Services, records: list[Record], *, retried: bool = False) -> Looked:
    """As ``look_after_rollback``; when something cannot be read the checks are UNKNOWN and the records as they were.

    :param retried: the task tries again by itself: a retryable error is raised.
    """
    try:
        return look_after_rollback(services, records)
    except MigrationError as error:
        if retried and error.retryable:
            raise
        services.log.warning("whether %d servers are still rolled back is not known: %s", len(records), error)
        reason = f"whether it is still rolled back is not known: {error}"
        back = [record.source_server_id for record in records if record.phase is Phase.ROLLED_BACK]
        return Looked(records, {one: GateResult(CHECK, one, Verdict.UNKNOWN, reason=reason) for one in back})


def require_none_launched_since(looked: Looked, app_name: str) -> None:
    """:raises LaunchedAfterRollbackError: a launch took effect after a rollback, as ``looked`` says."""
    launched = {one.source_server_id for one in looked.records if one.error_code == LAUNCHED_AFTER_ROLLBACK}
    reasons = {
        server: check.reason
        for server, check in looked.checks.items()
        if server in launched or check.verdict is Verdict.BLOCKED
    }
    if reasons:
        raise LaunchedAfterRollbackError(f"{app_name} is not rolled back any more", appName=app_name, servers=reasons)


@dataclass(frozen=True)
class _Seen:
    """``foreign``: job ids of launches of somebody else; ``left``: instances in EC2. Both by source server id."""

    views: Mapping[str, ServerView]
    foreign: Mapping[str, str]
    left: Mapping[str, list[str]]

    @classmethod
    def read(cls, services: Services, records: list[Record]) -> _Seen:
        by_server = {record.source_server_id: record for record in records}
        views = views_of(services, list(by_server))
        return cls(views, find_external_launches(services, by_server, views), instances_left(services, list(views)))

    def judge(self, record: Record) -> GateResult:
        server, state = record.source_server_id, self.views[record.source_server_id].lifecycle_state
        left = self.left.get(server, [])
        value = {"lifecycle": state, "instances": left}

        def check(verdict: Verdict, reason: str) -> GateResult:
            return GateResult(CHECK, server, verdict, value, None, reason)

        if state is None:
            return check(Verdict.UNKNOWN, "MGN does not say its lifecycle state")
        adopted = [one.job_id for one in record.intents.values() if one.job_id and one.outcome is None]
        if not adopted and not left and state not in _LAUNCHED:
            return check(Verdict.OK, f"{state}, no instance")
        who, job = "a launch of this migration took effect", ", ".join(adopted)
        if server in self.foreign:
            who, job = "somebody else launched it", self.foreign[server]
        said = f"MGN shows {state}, EC2 {', '.join(left) or 'no instance'}" + (f", job {job}" if job else "")
        return check(Verdict.BLOCKED, f"{who} after the rollback: {said}; {_WAY_OUT}")


def _frozen(services: Services, records: list[Record], checks: Mapping[str, GateResult]) -> list[Record]:
    """Those that were written. What another run, or another task, has now is judged there."""
    written: list[Record] = []
    for record in records:
        check = checks[record.source_server_id]
        if check.verdict is not Verdict.BLOCKED:
            continue
        try:
            written += transition(
                services,
                [record],
                Phase.FROZEN,
                "launched after its rollback",
                {"checks": [check.as_document()]},
                error_code=LAUNCHED_AFTER_ROLLBACK,
                error_message=check.reason[:1000],
            )
        except (LockHeldError, VersionConflictError) as error:
            services.log.warning("%s: %s; not noted: %s", record.migration_id, check.reason, error)
    return written
