"""Writes what people decided to the ledger, to each migration that it concerns; one failed write stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from tenacity.wait import wait_base

from migration_ops.core.batches import in_groups
from migration_ops.core.errors import MigrationError
from migration_ops.core.states import Phase
from migration_ops.core.tries import try_with
from migration_ops.ledger.protocol import LockHeldError, Record
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.records import locks_of_others, write
from migration_ops.wave.rules.approvals import is_ended
from migration_ops.wave.rules.standing import APPROVALS, ENDED_AT, standing_of
from migration_ops.wave.services import Services

T = TypeVar("T")

# In one transaction of at most 100 items: record, history line and lock of each migration.
_TOGETHER = 33
_ATTEMPTS = 8
_WAIT = wait_random_exponential(multiplier=0.2, max=10)
_ATTEMPTS_TO_READ = 12


@dataclass
class Noted:
    """
    Which part of a decision is in the ledger.

    :param applications: those whose migrations all hold it, in the plan's order.
    :param left_out: why it does not count for the others, by application.
    :param error: the first one that kept something from being written.
    """

    applications: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    error: MigrationError | None = None


def note_decision(
    services: Services,
    plan: WavePlan,
    decision: dict[str, Any],
    ready: Iterable[str] | None = None,
    only: str | None = None,
    wait: wait_base | None = None,
) -> Noted:
    """Writes a decision to every migration of the plan; those that people did not approve get a no.

    Migrations whose server another run holds are left out. A conflict with other tasks is read and tried again.

    :param decision: with ``approval`` (what was asked), ``approved``, by whom, when and why.
    :param ready: the applications that it approves; None: all.
    :param only: the one application that it is about; nothing is written for the others.
    :param wait: how long between two tries; None: longer each time, up to ten seconds.
    :raises MigrationError: the decision approves, and could be written for no application: the first error.
    """
    apps = [one for one in plan.applications if only in (None, one.app_name)]
    approved = {one.app_name for one in apps} if ready is None else set(ready)
    ids = [one for app in apps for one in app.migration_ids]
    patiently = _Patience(wait or _WAIT)
    found = patiently(lambda: services.ledger.read(ids), _ATTEMPTS_TO_READ)
    noted = Noted()
    held = patiently(lambda: locks_of_others(services, list(found.values())), _ATTEMPTS_TO_READ)
    if held:
        noted.error = _lock_held(held)
    for is_approved in (True, False):
        group = [app for app in apps if (app.app_name in approved) is is_approved]
        mine = [found[one] for app in group for one in app.migration_ids if one in found]
        others = [record for record in mine if record.source_server_id in held]
        todo = [one for one in mine if one not in others and (is_approved or not _is_used(one, decision))]
        failed = _write_all(services, todo, _answer_for(decision, is_approved), noted, patiently)
        failed |= {one.migration_id: f"belongs to {held[one.source_server_id]}" for one in others}
        for app in group:
            if why := _why_left_out(app, found, failed):
                noted.left_out[app.app_name] = why
            elif is_approved:
                noted.applications.append(app.app_name)
    if not noted.applications and approved and noted.error is not None:
        raise noted.error
    return noted


def _lock_held(held: dict[str, Any]) -> LockHeldError:
    where = ", ".join(f"{server} to {run}" for server, run in sorted(held.items()))
    return LockHeldError(f"these servers belong to another run: {where}", holders=held)


def _why_left_out(app: PlannedApplication, found: dict[str, Record], failed: dict[str, str]) -> str:
    """Why the answer was not written for all servers of the application; empty when it was."""
    words = [f"{found[one].source_server_id} {failed[one]}" for one in app.migration_ids if one in failed]
    return "; ".join([*words, *(f"no record of {one}" for one in app.migration_ids if one not in found)])


def _is_used(record: Record, decision: dict[str, Any]) -> bool:
    """Whether an earlier approval was acted on: approving others now does not take it back."""
    standing = standing_of(record)
    noted = standing.approvals.get(decision["approval"]) or {}
    if not decision.get("approved") or noted.get("approved") is not True:
        return False
    if decision["approval"] == "cutover":
        return standing.launching or standing.reached(Phase.CUTTING_OVER)
    return decision["approval"] == "finalize" and standing.reached(Phase.FINALIZING)


def _answer_for(decision: dict[str, Any], is_approved: bool) -> dict[str, Any]:
    if is_approved or not decision.get("approved"):
        return decision
    return {**decision, "approved": False, "leftOut": "not among what was approved"}


def _write_all(
    services: Services, records: list[Record], decision: dict[str, Any], noted: Noted, patiently: _Patience
) -> dict[str, str]:
    """Why some could not be written, by migration id."""
    failed: dict[str, str] = {}
    for group in in_groups(records, _TOGETHER):
        try:
            _write(services, group, decision)
        except MigrationError as first:
            if not first.retryable and not isinstance(first, LockHeldError):
                # Refused for good: further calls would be refused, too.
                noted.error = noted.error or first
                rest = records[records.index(group[0]) :]
                return failed | {one.migration_id: f"[{first.code}] {first.message}" for one in rest}
            failed |= _write_each(services, group, decision, noted, patiently)
    return failed


def _write_each(
    services: Services, group: list[Record], decision: dict[str, Any], noted: Noted, patiently: _Patience
) -> dict[str, str]:
    """Writes each migration alone, so that one that cannot be written does not keep the others from theirs."""
    failed: dict[str, str] = {}
    for record in group:
        try:
            patiently(partial(_write_anew, services, record, decision), _ATTEMPTS)
        except MigrationError as error:
            noted.error = noted.error or error
            failed[record.migration_id] = f"[{error.code}] {error.message}"
    return failed


def _write_anew(services: Services, record: Record, decision: dict[str, Any]) -> None:
    now = services.ledger.read([record.migration_id])[record.migration_id]
    # Already there: the write before succeeded and only its answer was lost.
    if now.facts.get(APPROVALS, {}).get(decision["approval"]) != _of(decision, now):
        _write(services, [now], decision)


def _write(services: Services, records: list[Record], decision: dict[str, Any]) -> None:
    name = f"{decision['approval']} {'approved' if decision.get('approved') else 'not approved'}"
    new = [
        replace(
            one,
            facts={
                **one.facts,
                APPROVALS: {**one.facts.get(APPROVALS, {}), decision["approval"]: _of(decision, one)},
            },
        )
        for one in records
    ]
    apps = sorted({one.app_name for one in records})
    write(services, records, new, name, {**decision, "applications": apps})


def _of(decision: dict[str, Any], record: Record) -> dict[str, Any]:
    """The answer for one record. Written again after a rollback ended it, it stays ended."""
    answer = {**decision, "applications": [record.app_name]}
    before = record.facts.get(APPROVALS, {}).get(decision["approval"]) or {}
    if is_ended(before) and (before.get("at"), before.get("by")) == (answer.get("at"), answer.get("by")):
        answer[ENDED_AT] = before[ENDED_AT]
    return answer


@dataclass(frozen=True)
class _Patience:
    """Tries retryable errors again here: Airflow's own retry would ask people again and drop their answer."""

    wait: wait_base

    def __call__(self, call: Callable[[], T], attempts: int) -> T:
        retrying = partial(
            Retrying,
            retry=retry_if_exception(lambda error: isinstance(error, MigrationError) and error.retryable),
            stop=stop_after_attempt(attempts),
            wait=self.wait,
            reraise=True,
        )
        return try_with(retrying, call)
