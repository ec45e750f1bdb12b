"""Writes people's answers to the ledger before their task succeeds: the tasks that act read them there."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from migration_ops.aws.mgn.servers import moment
from migration_ops.core.errors import MigrationError
from migration_ops.core.policy import Policy
from migration_ops.core.settings import read_settings
from migration_ops.operators.choice import without_applications
from migration_ops.operators.context import services_of
from migration_ops.wave.decisions import Noted, note_decision
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.rules.approvals import DECIDE, ROLLBACK, expiry
from migration_ops.wave.rules.standing import APPROVALS

log = logging.getLogger(__name__)


def policy_now() -> Policy:
    """What the installation demands, as it is set now.

    :raises InvalidInputError: a setting has a value that it cannot have.
    """
    return Policy.of(read_settings())


def is_asked(policy: Policy, plan: WavePlan, which: str) -> bool:
    """Whether people decide this: because the conf or the installation says so."""
    return plan.conf.approvals.is_asked(which) or which in policy.require_approvals


def write_approval(ti: Any, plan: WavePlan, decision: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """
    Writes an approval for the applications that are ready on the sheet. Returns the task's result, for people to read.

    Applications that another run holds, or whose migrations could not be written, are named and are not approved.

    :raises LockHeldError: not one could be written: another run holds them all.
    :raises AirflowFailException: not one could be written. Airflow's own retry would silently drop the answer.
    :raises MigrationError: an error that is not retryable.
    """
    window = plan.conf.cutover_window
    given = moment(str(decision.get("at") or "")) or datetime.now(UTC)
    decision = {"expiresAt": expiry(window, given, policy_now().approval_valid_hours).isoformat()} | decision
    try:
        noted = _write(ti, plan, decision, asked.get("applications"))
    except MigrationError as error:
        if not error.retryable:
            raise
        raise _lost(decision, error) from error
    for app, why in noted.left_out.items():
        log.error("%s is not approved: %s", app, why)
    result = {key: value for key, value in decision.items() if key != "approval"}
    return result | {"applications": noted.applications, "notWritten": noted.left_out}


def write_decision(ti: Any, plan: WavePlan, app_name: str, result: dict[str, Any]) -> None:
    """
    Writes what was decided about a failed application. "Leave as it is" permits nothing, so it is written best effort.

    :param result: with ``decision``, ``by``, ``reason``.
    :raises MigrationError, AirflowFailException: a rollback could not be written.
    """
    at = str(result.get("at") or datetime.now(UTC).isoformat())
    decision = {"approval": DECIDE, "approved": result["decision"] == ROLLBACK, "required": True, "runId": ti.run_id}
    decision |= {"planHash": plan.plan_hash, **result, "at": at}
    if not decision["approved"]:
        write_best_effort(ti, plan, decision, app_name)
        return
    valid_hours = policy_now().approval_valid_hours
    until = expiry(plan.conf.cutover_window.model_copy(update={"opens": None}), _moment(at), valid_hours)
    decision["expiresAt"] = until.isoformat()
    try:
        noted = _write(ti, plan, decision, [app_name], app_name)
    except MigrationError as error:
        # Airflow's retry decides again what the conf decides; it would drop the answer of a person.
        if not error.retryable or not decision["required"]:
            raise
        raise _lost(decision, error) from error
    if noted.left_out:
        raise AirflowFailException(f"the decision about {app_name} was not written: {noted.left_out[app_name]}")


def write_best_effort(ti: Any, plan: WavePlan, decision: dict[str, Any], only: str | None = None) -> None:
    """Writes a no, or that nobody had to be asked. It permits nothing, so a failed write is only logged."""
    ready = decision.pop("applications", None) if decision.get("approved") else []
    try:
        noted = _write(ti, plan, decision, ready, only)
    except MigrationError as error:
        log.error("the answer could not be noted in the ledger: %s", error)
        return
    for app, why in noted.left_out.items():
        log.error("the answer could not be noted for %s: %s", app, why)


def answer_given(ti: Any, plan: WavePlan, which: str, asked: dict[str, Any]) -> dict[str, Any] | None:
    """
    The approval of this very question that the try before wrote for some migrations before it was killed; else None.

    A question that was cleared in between is another one, and so is one that the killed try had not asked yet.
    """
    records = services_of(ti, plan).ledger.read(list(plan.migration_ids))
    # Not compared: the time of the sheet. The try before may have made it again, with the same verdicts.
    bound = {"runId": ti.run_id} | without_applications(asked)
    bound.pop("sheetMadeAt", None)
    for record in records.values():
        noted = (record.facts.get(APPROVALS) or {}).get(which) or {}
        is_of_the_try_before = noted.get("tryNumber", ti.try_number - 1) == ti.try_number - 1
        is_same = is_of_the_try_before and all(noted.get(key) == value for key, value in bound.items())
        if noted.get("approved") is True and is_same:
            return {key: value for key, value in noted.items() if key != "applications"}
    return None


def _write(ti: Any, plan: WavePlan, decision: dict[str, Any], ready: Any, only: str | None = None) -> Noted:
    services = services_of(ti, plan)
    try:
        return note_decision(services, plan, decision, ready, only)
    finally:
        services.flush()


def _lost(decision: dict[str, Any], error: MigrationError) -> AirflowFailException:
    return AirflowFailException(
        f"the answer of {decision.get('by')} ({decision['approval']}) could not be written to the ledger, so it does "
        f"not count: {error}. Clear this task and answer again."
    )


def _moment(text: str) -> datetime:
    return moment(text) or datetime.now(UTC)
