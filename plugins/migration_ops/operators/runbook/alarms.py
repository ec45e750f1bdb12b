"""The operator of ``runbook_alarms``: one kind of alarm, compared and, when asked, put right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from migration_ops.core.errors import MigrationError
from migration_ops.core.finding import RED, worst
from migration_ops.operators.base import DocumentedOperator
from migration_ops.operators.runbook.base import FINDINGS_KEY, with_accepted
from migration_ops.operators.runbook.chapter import TABLES_KEY
from migration_ops.operators.runbook.services import RunbookServices, runbook_services
from migration_ops.runbook.alarms.findings import unread
from migration_ops.runbook.alarms.reconcile import AlarmReview, look_at
from migration_ops.runbook.alarms.wanted import WITH_WAVES

# As Airflow's own DagRunType, an enum of strings.
SCHEDULED = "scheduled"


class AlarmsOperator(DocumentedOperator):
    """
    Compare the alarms of one kind with what they watch: missing, drifted, silenced, not wanted any more.

    With `dryRun` false it puts them right and reads them back. Scheduled runs do that too for alarms that come and go
    with waves, so that a wave has them from its first sync's end and none is left after it. It never touches an alarm
    without this installation's tag, and deletes nothing when it could not read what the alarms watch. Doing it again
    changes nothing.

    :param kind: a kind of ``migration_ops.runbook.alarms.wanted``.
    """

    template_fields: Sequence[str] = ("kind",)

    def __init__(self, *, kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        is_scheduled = getattr(context.get("dag_run"), "run_type", None) == SCHEDULED
        dry_run = context["params"]["dryRun"] and not (is_scheduled and self.kind in WITH_WAVES)
        looked = self._look(services, dry_run=dry_run)
        looked = replace(looked, findings=tuple(with_accepted(list(looked.findings))))
        ti.xcom_push(key=FINDINGS_KEY, value=[one.as_document() for one in looked.findings])
        ti.xcom_push(key=TABLES_KEY, value=list(looked.tables))
        for one in looked.findings:
            line = f"{one.verdict} {one.resource}: {one.reason} {list(one.evidence) or ''}"
            (self.log.error if one.verdict in RED else self.log.info)("%s", line)
        for done in looked.done:
            self.log.info("%s: %s %s", done.name, done.action, done.error or "")
        bad = [one for one in looked.findings if one.verdict in RED]
        if bad:
            raise AirflowFailException(f"{len(bad)} alarms are red; the first: {bad[0].resource}: {bad[0].reason}")
        return {"verdict": worst(looked.findings).value, "findings": len(looked.findings), "done": len(looked.done)}

    def _look(self, services: RunbookServices, *, dry_run: bool) -> AlarmReview:
        try:
            topics = services.topic_arns()
        except MigrationError as error:
            return AlarmReview((unread(self.kind, error.message),))
        return look_at(services.reader, self.kind, topics, dry_run=dry_run)
