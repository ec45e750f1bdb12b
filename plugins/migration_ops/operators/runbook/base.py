"""Base of the tasks that find something: what they leave for the report, and when they are red."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from migration_ops.core.finding import RED, Finding, worst
from migration_ops.operators.base import DocumentedOperator

FINDINGS_KEY = "findings"


class FindingsOperator(DocumentedOperator):
    """Base of tasks that leave findings; red when one of them is CRITICAL or UNKNOWN."""

    def leave(self, ti: Any, findings: list[Finding]) -> dict[str, Any]:
        """:raises AirflowFailException: something is red; the findings are left all the same."""
        ti.xcom_push(key=FINDINGS_KEY, value=[one.as_document() for one in findings])
        for one in findings:
            line = f"{one.verdict} {one.check_id} {one.resource}: {one.reason} {list(one.evidence) or ''}"
            (self.log.error if one.verdict in RED else self.log.info)("%s", line)
        bad = [one for one in findings if one.verdict in RED]
        if bad:
            self.log.error("What to do: %s (runbook: %s)", bad[0].remedy, bad[0].section)
            raise AirflowFailException(f"{len(bad)} of {len(findings)} findings are red; the first: {bad[0].reason}")
        return {"verdict": worst(findings).value, "findings": len(findings)}
