"""Whether the instance of a record is the server's only one, as EC2 shows it now."""

from __future__ import annotations

from dataclasses import replace

from migration_ops.core.errors import MigrationError, StepFailedError
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.terminate import instances_by_tag
from migration_ops.wave.rules.boot import judge_only_instance
from migration_ops.wave.services import Services


class SecondInstanceError(StepFailedError):
    """EC2 has another instance of a server beside the one that the cutover launched."""

    code = "SECOND_INSTANCE"
    hint = (
        "Find out which of them is in use. Terminate the other by hand in EC2 (take off its termination protection "
        "first), then clear this task with downstream. If the one in use is not the wave's, roll the application back."
    )


def only_instance_checks(services: Services, records: list[Record], *, retried: bool = False) -> dict[str, GateResult]:
    """The check of each record's server, by source server id; UNKNOWN when EC2 cannot be asked.

    :param retried: the task tries again by itself: a retryable error is raised.
    """
    servers = [record.source_server_id for record in records]
    try:
        found = instances_by_tag(services, servers)
    except MigrationError as error:
        if retried and error.retryable:
            raise
        reason = f"whether another instance runs is not known: {error}"
        return {one: GateResult("only instance", one, Verdict.UNKNOWN, reason=reason) for one in servers}
    return {
        record.source_server_id: judge_only_instance(
            record.source_server_id, record.instance_id, found.get(record.source_server_id, {})
        )
        for record in records
    }


def require_no_second(checks: dict[str, GateResult], app_name: str) -> None:
    """:raises SecondInstanceError: a server has a second instance; waiting does not remove it."""
    others = {server: check.reason for server, check in checks.items() if check.verdict is Verdict.BLOCKED}
    if others:
        raise SecondInstanceError(f"servers of {app_name} have a second instance", appName=app_name, servers=others)


def both(boot: GateResult, only: GateResult) -> GateResult:
    """One result for both: the worse of the two; when both are BLOCKED or both UNKNOWN, with both reasons."""
    if only.verdict is Verdict.OK or (boot.verdict is Verdict.BLOCKED and only.verdict is Verdict.UNKNOWN):
        return boot
    if boot.verdict is Verdict.OK or (only.verdict is Verdict.BLOCKED and boot.verdict is Verdict.UNKNOWN):
        return only
    return replace(boot, reason=f"{boot.reason}; {only.reason}")
