"""MGN's post-launch actions of the launches that the ledger knows: read from the jobs, judged by server."""

from __future__ import annotations

from dataclasses import replace

from migration_ops.aws.mgn.jobs import JobView
from migration_ops.core.errors import MigrationError, StepFailedError
from migration_ops.core.redaction import redacted_text
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.job_lookup import Action
from migration_ops.wave.rules.launch_actions import NAME, judge_actions
from migration_ops.wave.services import Services


class LaunchActionFailedError(StepFailedError):
    """A post-launch action that must succeed failed: MGN does not finalize such a server."""

    code = "LAUNCH_ACTION_FAILED"
    hint = (
        "Read the action's output in SSM and fix its cause. MGN runs the actions of a launch once: roll the "
        "application back and launch it again, or set the action in MGN so that it need not succeed and do the same."
    )


def action_checks(
    services: Services, records: list[Record], action: Action, *, retried: bool = False
) -> dict[str, GateResult]:
    """The check of each record's server, by source server id; UNKNOWN when MGN cannot be asked.

    :param action: whose job launched the instances.
    :param retried: the task tries again by itself: a retryable error is raised.
    """
    jobs = {one.source_server_id: _job_of(one, action) for one in records}
    wanted = sorted({job for job in jobs.values() if job})
    found: dict[str, JobView] = {}
    try:
        found = services.mgn.describe_jobs(wanted) if wanted else {}
    except MigrationError as error:
        if retried and error.retryable:
            raise
        reason = f"whether they succeeded is not known: {error}"
        return {one: GateResult(NAME, one, Verdict.UNKNOWN, reason=reason) for one in jobs}
    return {server: _redacted(judge_actions(found.get(job or ""), server)) for server, job in jobs.items()}


def require_none_failed(checks: dict[str, GateResult], app_name: str) -> None:
    """:raises LaunchActionFailedError: an action failed that must succeed; waiting does not fix it."""
    failed = {server: check.reason for server, check in checks.items() if check.verdict is Verdict.BLOCKED}
    if failed:
        raise LaunchActionFailedError(f"post-launch actions of {app_name} failed", appName=app_name, servers=failed)


def worth_showing(checks: dict[str, GateResult]) -> list[GateResult]:
    """Without those of servers that have no actions."""
    return [check for check in checks.values() if check.value or check.verdict is not Verdict.OK]


def _job_of(record: Record, action: Action) -> str | None:
    intent = record.intents.get(action.value)
    return (intent.job_id if intent else None) or record.job_id


def _redacted(check: GateResult) -> GateResult:
    """A failure's text is what a script of somebody else wrote."""
    return replace(check, reason=redacted_text(check.reason)[:1000])
