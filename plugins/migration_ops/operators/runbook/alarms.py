"""The operator of ``runbook_alarms``: one kind of alarm, compared and, when asked, corrected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from migration_ops.core.errors import MigrationError
from migration_ops.operators.runbook.base import FindingsOperator
from migration_ops.operators.runbook.services import RunbookServices, runbook_services
from migration_ops.runbook.alarms.findings import unread
from migration_ops.runbook.alarms.reconcile import AlarmReview, look_at
from migration_ops.runbook.alarms.wanted import WITH_WAVES

# The value in Airflow's DagRunType.
SCHEDULED = "scheduled"


class AlarmsOperator(FindingsOperator):
    """
    Compare the alarms of one kind with what they watch: missing, drifted, silenced, not wanted any more.

    With `dryRun` false it corrects them and reads them back. Scheduled runs do that too for alarms that come and go
    with waves, so that a wave has them from the end of its first sync, and none is left after it. It never touches an
    alarm without this installation's tag, and deletes nothing when it could not read what the alarms watch. It can be
    repeated.

    :param kind: a kind of ``migration_ops.runbook.alarms.wanted``.
    """

    template_fields: Sequence[str] = ("kind",)

    def __init__(self, *, kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind

    def execute(self, context: Context) -> Any:
        services = runbook_services(context)
        is_scheduled = getattr(context.get("dag_run"), "run_type", None) == SCHEDULED
        dry_run = context["params"]["dryRun"] and not (is_scheduled and self.kind in WITH_WAVES)
        review = self._review(services, dry_run=dry_run)
        for done in review.done:
            self.log.info("%s: %s %s", done.name, done.action, done.error or "")
        return self.publish(context["ti"], review.findings, review.tables) | {"done": len(review.done)}

    def _review(self, services: RunbookServices, *, dry_run: bool) -> AlarmReview:
        try:
            topics = services.topic_arns()
        except MigrationError as error:
            return AlarmReview((unread(self.kind, error.message),))
        return look_at(services.reader, self.kind, topics, dry_run=dry_run)
