"""A rollback on request as a change, one per application: bound to what its approver saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from migration_ops.core.carry_out import Acted, Effect, act_once, verify
from migration_ops.core.change import Action, Approval, ChangePlan, NotApprovedError, PlanChangedError, Undo
from migration_ops.core.documents import canonical_digest
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.after_rollback import look_after_rollback
from migration_ops.wave.launching.external_launches import find_external_launches
from migration_ops.wave.permission import require_permitted
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.records import records_of
from migration_ops.wave.rules.standing import APPROVALS, standing_of
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.steps.rollback_request import dependants_cut_over
from migration_ops.wave.waits.outcome import Done, Outcome

_NO_WAY_BACK = Undo(
    none_because="Instances are terminated, what was written on them is lost. A new launch starts from the replication."
)
_UNDONE = frozenset({Phase.ROLLED_BACK})


def application_plan(
    plan: WavePlan,
    app: PlannedApplication,
    decision: Mapping[str, Any],
    foreign: Mapping[str, str],
    needed: Iterable[str],
) -> ChangePlan:
    """
    What is done to one application. Phases are not part of it: they may change while the approval is open.

    :param decision: of the request; its reason was shown.
    :param foreign: job ids of launches that somebody else made, by source server id.
    :param needed: applications that stay cut over and lose what they need.
    """
    actions = tuple(
        Action(
            "roll back",
            one.source_server_id,
            before={"migrationId": one.migration_id, "foreignJob": foreign.get(one.source_server_id)},
            is_destructive=True,
        )
        for one in app.servers
    )
    context = {"plan": plan.plan_hash, "reason": decision.get("reason"), "dependants": sorted(needed)}
    return ChangePlan(f"application {app.app_name}", actions, _NO_WAY_BACK, context, is_one_call=True)


def request_digest(plan: WavePlan, changes: Mapping[str, str], foreign_jobs: Iterable[str]) -> str:
    """
    What the approval of the whole request is bound to.

    :param changes: digest of each application's plan, by its name.
    :param foreign_jobs: job ids of launches that somebody else made and that the sheet shows.
    """
    return canonical_digest({"plan": plan.plan_hash, "changes": dict(changes), "foreignJobs": sorted(foreign_jobs)})


def request_sheet(
    services: Services, plan: WavePlan, records: list[Record], markdown: str, foreign: Mapping[str, str], reason: str
) -> dict[str, Any]:
    """
    What the approver sees, with the decision and everything that the approval is bound to.

    :param foreign: job ids of launches that somebody else made, by source server id, as ``markdown`` shows them.
    :raises MigrationError: the ledger could not be read.
    """
    decision = {"decision": "rollback", "reason": reason, "foreignJobs": sorted(set(foreign.values()))}
    needed = dependants_cut_over(services, records).named
    changes = {app.app_name: application_plan(plan, app, decision, foreign, needed).digest for app in plan.applications}
    digest = request_digest(plan, changes, decision["foreignJobs"])
    return {"markdown": markdown, "digest": digest, "changes": changes, **decision}


def approval_for(
    plan: WavePlan, app: PlannedApplication, sheet: Mapping[str, Any], answer: Mapping[str, Any] | None
) -> Approval:
    """
    The part of a request's approval that is about one application.

    :param answer: result of the task that asked.
    :raises NotApprovedError: nobody approved.
    :raises PlanChangedError: what was approved is not this sheet.
    """
    about = {"appName": app.app_name}
    if not answer or answer.get("approved") is not True:
        raise NotApprovedError("The rollback was not approved", **about)
    changes = sheet.get("changes")
    # A sheet made before an upgrade has a digest only; see act_on_request.
    digest = sheet["digest"] if changes is None else request_digest(plan, changes, sheet.get("foreignJobs") or [])
    if (answer.get("planHash"), answer.get("sheetDigest")) != (plan.plan_hash, digest):
        raise PlanChangedError("Another plan or sheet was approved", **about)
    return Approval((changes or {}).get(app.app_name, ""), True, answer.get("by", ""))


@dataclass
class RollbackChange:
    """
    The rollback of one application, as :class:`migration_ops.core.carry_out.Change`.

    :param step: runs the step ``rollback``, which can be repeated and waits by itself.
    :param outcome: what the step returned; None before it ran.
    """

    services: Services
    wave_plan: WavePlan
    app: PlannedApplication
    sheet: Mapping[str, Any]
    step: Callable[[], Outcome]
    outcome: Outcome | None = None

    def plan(self) -> ChangePlan:
        """
        :raises MigrationError: ledger or MGN could not be read.
        """
        ids = [one.migration_id for app in self.wave_plan.applications for one in app.servers]
        everything = list(self.services.ledger.read(ids).values())
        mine = {one.source_server_id: one for one in records_of(self.services, self.app)}
        foreign = find_external_launches(self.services, mine, self.services.mgn.describe_servers(sorted(mine)))
        needed = dependants_cut_over(self.services, everything).named
        return application_plan(self.wave_plan, self.app, self.sheet, foreign, needed)

    def is_begun(self) -> bool:
        """An earlier try began it: the step goes on from what MGN shows."""
        standings = [standing_of(one) for one in records_of(self.services, self.app)]
        return any(one.is_rolling_back for one in standings) or all(one.at in _UNDONE for one in standings)

    def send(self, actions: Sequence[Action]) -> None:
        """All servers of the application."""
        self.outcome = self.step()

    def read_back(self, actions: Sequence[Action]) -> Mapping[str, Effect]:
        """What the ledger says now; the step writes it only after it read MGN and EC2."""
        phases = {one.source_server_id: one.phase for one in records_of(self.services, self.app)}
        return {
            one.key: Effect.DONE if phases[one.resource] in _UNDONE else Effect.NOT_DONE
            for one in actions
            if one.resource in phases
        }


def act_on_request(
    services: Services, inp: StepInput, sheet: Mapping[str, Any], step: Callable[[StepInput], Outcome]
) -> Outcome | None:
    """
    The rollback of one application on request: what was approved is compared with what would be done now, right before
    anything is touched. A rollback that was begun goes on without that.

    :param sheet: what the approver saw. One without ``changes`` was made before an upgrade, or was altered: it begins
        nothing, and a rollback that goes on with it undoes no launch of somebody else.
    :param step: runs the step ``rollback`` with the input that it is given.
    :raises GateShutError, LockHeldError: it may not be rolled back; nothing was touched.
    :raises MigrationError: see :func:`approval_for`, ``act_once`` and ``verify``.
    """
    is_bound = "changes" in sheet
    if not is_bound:
        sheet = {**sheet, "foreignJobs": []}
    given = replace(inp, inputs={**inp.inputs, "decision": dict(sheet)})
    change = RollbackChange(services, inp.plan, inp.application, sheet, partial(step, given))
    records = records_of(services, inp.application)
    if inp.resumed is None:
        records = look_after_rollback(services, records, freeze_all=True).records
    todo = [one for one in records if one.phase is not Phase.ROLLED_BACK]
    if todo:
        # The ledger's answer, not the task's: whoever can edit XComs must not be able to approve.
        require_permitted(services, inp, "rollback")
    answer = (todo or records)[0].facts.get(APPROVALS, {}).get("rollback")
    approval = approval_for(inp.plan, inp.application, sheet, answer)
    if inp.resumed is not None or change.is_begun():
        outcome: Outcome | None = change.step()
    elif not is_bound:
        raise PlanChangedError("The sheet does not say what was approved", appName=inp.application.app_name)
    else:
        act_once(change, approval).require_sent()
        outcome = change.outcome
    if isinstance(outcome, Done):
        done = application_plan(inp.plan, inp.application, sheet, {}, ())
        verify(change, Acted(done)).require_done()
    return outcome
