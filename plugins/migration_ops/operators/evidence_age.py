"""People are shown recent evidence: a sheet that is too old is made again right before the approval is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from migration_ops.aws.mgn.servers import moment
from migration_ops.operators.answers import policy_now
from migration_ops.operators.context import services_of
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.services import StepInput
from migration_ops.wave.steps.registry import STEPS
from migration_ops.wave.waits.outcome import Done

Sheet = dict[str, Any]


def read_again_when_old(ti: Any, plan: WavePlan, sheet: Sheet, sheet_task: str) -> Sheet:
    """
    The sheet as it is, or made again when it is older than ``MIGRATION_OPS_EVIDENCE_MAX_AGE_MINUTES``.

    :raises AirflowFailException: what is read now differs from the sheet: its task must be cleared.
    :raises MigrationError: it could not be made, or the wave stops; nothing is asked then.
    """
    made, limit = moment(sheet.get("madeAt")), timedelta(minutes=policy_now().evidence_max_age_minutes)
    if sheet_task not in STEPS or (made is not None and datetime.now(UTC) - made <= limit):
        return sheet
    services = services_of(ti, plan)
    try:
        outcome = STEPS[sheet_task](services, StepInput(plan))
    finally:
        services.flush()
    if not isinstance(outcome, Done) or outcome.result.get("digest") != sheet["digest"]:
        raise AirflowFailException(
            f"the evidence of {sheet.get('madeAt')} is too old to be asked about, and what is read now differs: clear "
            f"`{sheet_task}` with downstream, so that people see the new one"
        )
    return dict(outcome.result)
