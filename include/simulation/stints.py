"""One stint of a task, up to its next wait or its end: the step's own code, and the tasks that ask people."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tenacity import wait_none

from include.simulation import requested_rollback
from include.simulation.account import Account
from include.simulation.people import People
from include.simulation.runs import Instance, Run
from migration_ops.core.errors import MigrationError, StepFailedError
from migration_ops.wave.decisions import note_decision
from migration_ops.wave.preflight.run import register
from migration_ops.wave.records import note_failure, records_of
from migration_ops.wave.rules.failure import Decision, after_failure
from migration_ops.wave.rules.refusals import GateShutError
from migration_ops.wave.rules.standing import standing_of
from migration_ops.wave.services import Services, StepInput, StepSkipped
from migration_ops.wave.steps.quiesce import is_stopped
from migration_ops.wave.steps.registry import STEPS
from migration_ops.wave.waits.outcome import Done, Outcome

# As in operators/wave/step.py.
AFTER_THE_WORK = frozenset({"update_cmdb", "send_callback", "close"})


class RejectedError(StepFailedError):
    """A person rejected it, or the evidence changed while the question was open (in Airflow: AirflowFailException)."""

    code = "REJECTED"
    hint = "Clear the sheet's task with downstream to be asked again."


class Asked(Exception):
    """The task waits for a person until ``seconds`` from now."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Stints:
    """Runs task instances on the account.

    :param run_ended: says whether the run of a lock's holder has ended.
    """

    def __init__(self, account: Account, people: People, run_ended: Callable[[Any], bool]) -> None:
        self._account, self._people, self._run_ended = account, people, run_ended
        self._others: dict[str, Callable[[Services, Run, Instance], Outcome]] = {
            "preflight": self._preflight,
            "approve_cutover": self._approve,
            "approve_finalize": self._approve,
            "decide": self._decide,
            "plan": self._plan_rollback,
            "approve_rollback": self._approve_rollback,
            "release": self._release,
        }

    def services(self, run: Run, one: Instance) -> Services:
        return self._account.services(run.holder, self._run_ended, one.actor.skew_seconds)

    def advance(self, run: Run, one: Instance) -> Outcome:
        """One stint.

        :raises StepSkipped, MigrationError, WorkerKilled, Asked:
        """
        services = self.services(run, one)
        other = self._others.get(one.task.step)
        return other(services, run, one) if other else self._step(services, run, one)

    def _step(self, services: Services, run: Run, one: Instance) -> Outcome:
        task, name = one.task, one.task.step
        if task.app is None and run.instances["preflight"].result is None:
            raise StepSkipped("preflight let nothing through: nothing was touched")
        application = run.plan.application(task.app) if task.app else None
        inp = StepInput(run.plan, application, one.resumed, run.results(task), is_retry=one.tries > 1)
        step = partial(STEPS[name], services)
        try:
            return requested_rollback.run(services, inp, step) if task.name == "undo.rollback" else step(inp)
        except StepSkipped:
            raise
        except GateShutError as shut:
            one.gate = f"[{shut.code}] {shut.message}"
            raise
        except MigrationError as error:
            if application is not None and not error.retryable and name not in AFTER_THE_WORK:
                self._note(services, application, error)
            raise

    @staticmethod
    def _note(services: Services, application: Any, error: MigrationError) -> None:
        try:
            note_failure(services, application, error)
        except MigrationError:
            return  # The first error is the one to show.

    def _preflight(self, services: Services, run: Run, one: Instance) -> Outcome:
        """Only the registration: the sandbox's tests cover the checks before it."""
        register(services, run.plan)
        return Done({"applications": [app.app_name for app in run.plan.applications]})

    def _approve(self, services: Services, run: Run, one: Instance) -> Outcome:
        """As ``EvidenceApproval``: bound to plan and sheet at the time of asking."""
        which = one.task.step.removeprefix("approve_")
        sheet = run.results(one.task)["sheet"]
        bound = {"planHash": run.plan.plan_hash, "sheetDigest": sheet["digest"]}
        if not run.plan.conf.approvals.is_asked(which):
            self._people.passed(run, which, sheet)
            result = {"approved": True, "required": False, "at": services.now().isoformat(), **bound}
            _note(services, run, which, result, sheet["ready"])
            return Done(result)
        if one.asked is None:
            one.asked = bound
            raise Asked(self._people.answers_after(run))
        if one.asked != bound:
            raise RejectedError("the plan or the evidence changed while the question was open", which=which)
        approved = self._people.approves(run, which)
        who = {"by": "approver", "at": services.now().isoformat(), "comment": ""}
        answer = {"approved": approved, "required": True, "sheetMadeAt": sheet["madeAt"], **bound, **who}
        _note(services, run, which, answer, sheet["ready"] if approved else [])
        if not approved:
            raise RejectedError(f"{which} was rejected", which=which)
        self._people.passed(run, which, sheet)
        return Done({"approved": True, "required": True, **bound, **who})

    def _decide(self, services: Services, run: Run, one: Instance) -> Outcome:
        """As ``DecideOperator``."""
        failed = [run.instances[key] for key in one.task.upstream if run.instances[key].state == "failed"]
        if not failed:
            raise StepSkipped("nothing failed in this group")
        app = run.plan.application(str(one.task.app))
        records = records_of(services, app)
        is_touched = any(standing_of(record).failed or is_stopped(record) for record in records)
        if all(task.gate for task in failed) and not is_touched:
            raise StepSkipped("a gate said no, nothing of the application failed")
        decision = after_failure(run.plan.conf.on_failure, [record.phase for record in records])
        phases = {record.source_server_id: standing_of(record).at.value for record in records}
        if decision is not Decision.ASK:
            answer = {"decision": decision.value, "by": "conf", "phases": phases}
            return self._decided(services, run, app.app_name, answer)
        if one.asked is None:
            one.asked = phases
            raise Asked(self._people.answers_after(run))
        answer = {**self._people.decides(run, app.app_name), "phases": one.asked}
        return self._decided(services, run, app.app_name, answer)

    @staticmethod
    def _decided(services: Services, run: Run, app: str, result: dict[str, Any]) -> Done:
        """Notes the decision in the ledger: only that counts for the tasks that act."""
        is_back = result["decision"] == Decision.ROLLBACK.value
        bound = {"planHash": run.plan.plan_hash, "at": services.now().isoformat()}
        _note(services, run, "decide", {"approved": is_back, **bound, **result}, [app] if is_back else [], only=app)
        return Done({"reason": "onFailure", **result})

    def _plan_rollback(self, services: Services, run: Run, one: Instance) -> Outcome:
        """Selects again what is rolled back: it may have changed since the run was triggered."""
        run.plan, result = requested_rollback.select(services, run)
        return Done(result)

    def _approve_rollback(self, services: Services, run: Run, one: Instance) -> Outcome:
        if one.asked is None:
            one.asked = {}
            raise Asked(self._people.answers_after(run))
        sheet = run.results(one.task)["sheet"]
        bound = {"planHash": run.plan.plan_hash, "sheetDigest": sheet["digest"]}
        answer = {"approved": True, "by": "approver", "at": services.now().isoformat(), **bound}
        _note(services, run, "rollback", answer)
        return Done(answer)

    def _release(self, services: Services, run: Run, one: Instance) -> Outcome:
        services.ledger.release(list(run.plan.server_ids), services.holder)
        return Done({})


def _note(
    services: Services,
    run: Run,
    which: str,
    answer: dict[str, Any],
    ready: list[str] | None = None,
    only: str | None = None,
) -> None:
    decision = {"approval": which, "runId": run.run_id, **answer}
    note_decision(services, run.plan, decision, ready, only, wait_none())
