"""The operator of every step: it runs the step, defers its waits, and turns its outcome into a task state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.core.errors import InvalidInputError, MigrationError
from migration_ops.operators.base import doc_of
from migration_ops.operators.context import (
    ResultLostError,
    is_own_retry,
    plan_of,
    require_begun,
    services_of,
    step_input,
)
from migration_ops.operators.links import STEP_LINKS, persist_links
from migration_ops.operators.triggers import trigger_for
from migration_ops.operators.wave.gates import note_gate
from migration_ops.wave.permission import require_registered
from migration_ops.wave.records import note_failure
from migration_ops.wave.rules.refusals import GateShutError
from migration_ops.wave.services import Services, StepInput, StepSkipped
from migration_ops.wave.steps.registry import STEPS
from migration_ops.wave.waits.outcome import Done, Reason, Resumed

# Our own deadline ends a wait; Airflow's timeout is only for a trigger that never fires.
_GRACE = timedelta(hours=1)


class StepOperator(BaseOperator):
    """
    Run one step of a wave; every wait is deferred.

    Clearing the task at any time is safe: the step reads what MGN and the ledger show and does what is missing.

    :param step: name of the step in ``migration_ops.wave.steps.registry``.
    :param app: the application's document, for a task mapped over the applications.
    :param inputs: task ids whose results the step needs, by the step's own name for them.
    :param is_registered: preflight registered its plan; False for a rollback on request, which has a plan of its own.
    """

    template_fields: Sequence[str] = ("app",)
    ui_color = "#e8f1fa"

    def __init__(
        self,
        *,
        step: str,
        app: dict[str, Any] | None = None,
        inputs: dict[str, str] | None = None,
        is_registered: bool = True,
        **kwargs: Any,
    ) -> None:
        if step not in STEPS:
            raise InvalidInputError("there is no such step", path=f"{kwargs.get('task_id')}.step", value=step)
        kwargs.setdefault("doc_md", doc_of(STEPS[step]))
        super().__init__(**kwargs)
        self.step = step
        self.app = app
        self.inputs = inputs or {}
        self.is_registered = is_registered

    def execute(self, context: Context) -> Any:
        return self._advance(context, None)

    def resume(self, context: Context, event: dict[str, Any]) -> Any:
        """Goes on after a wait."""
        resumed = Resumed(Reason(event["reason"]), event["observed"], event["carry"])
        self.log.info("the wait ended: %s", resumed.reason)
        return self._advance(context, resumed)

    def _advance(self, context: Context, resumed: Resumed | None) -> Any:
        ti = context["ti"]
        try:
            plan = plan_of(ti)
            if self.app is None:
                require_begun(ti, plan)
            services = services_of(ti, plan)
            inp = step_input(ti, plan, self.app, self.inputs)
            if inp.app is not None and self.is_registered:
                services = require_registered(services, plan, inp.app)
        except StepSkipped as nothing:
            raise AirflowSkipException(str(nothing)) from nothing
        except ResultLostError as lost:
            # As for a gate: nothing of the application failed, so nobody is asked to decide.
            note_gate(ti, lost)
            raise
        except GateShutError as shut:
            self.log.error("%s", shut)
            note_gate(ti, shut)
            raise
        outcome = self._run(ti, services, StepInput(inp.plan, inp.app, resumed, inp.inputs, self._is_retry(ti)))
        if self.operator_extra_links and isinstance(services.mgn, MgnHook):
            persist_links(context, self, services.mgn, outcome)
        if isinstance(outcome, Done):
            return outcome.result
        self.log.info("waiting: %s", outcome.why)
        seconds = max(outcome.deadline - services.epoch(), 0.0)
        self.defer(
            trigger=trigger_for(outcome, plan.conf.aws_conn_id, plan.conf.region, services.settings),
            method_name="resume",
            timeout=timedelta(seconds=seconds) + _GRACE,
        )
        return None

    def _is_retry(self, ti: Any) -> bool:
        return is_own_retry(ti, self)

    def _run(self, ti: Any, services: Services, inp: StepInput) -> Any:
        try:
            return STEPS[self.step](services, inp)
        except StepSkipped as nothing:
            raise AirflowSkipException(str(nothing)) from nothing
        except GateShutError as shut:
            self.log.error("%s", shut)
            note_gate(ti, shut)
            raise
        except MigrationError as error:
            self.log.error("%s", error)
            if inp.app is not None and not error.retryable and self.step not in _AFTER_THE_WORK:
                self._note(services, inp, error)
            raise
        finally:
            services.flush()

    def _note(self, services: Services, inp: StepInput, error: MigrationError) -> None:
        """Notes the error in the ledger; when that fails, the first error is still the one to show."""
        try:
            note_failure(services, inp.application, error)
        except MigrationError as second:
            self.log.error("the failure could not be noted in the ledger: %s", second)


class LaunchOperator(StepOperator):
    """A step that starts MGN jobs, with buttons to them in the AWS console.

    Only these steps have buttons: for every link of a task Airflow calls its API twice each time the task stops.
    """

    operator_extra_links = STEP_LINKS


_WITH_JOBS = frozenset({"test_launch", "mark_ready", "cutover", "rollback"})


def step_task(*, step: str, **kwargs: Any) -> StepOperator:
    """The task of a step, with the operator that fits it."""
    return (LaunchOperator if step in _WITH_JOBS else StepOperator)(step=step, **kwargs)


# Their failures say nothing about the migration itself.
_AFTER_THE_WORK = frozenset(
    {"update_cmdb", "send_callback", "update_cmdb_after_rollback", "send_callback_after_rollback", "close"}
)
