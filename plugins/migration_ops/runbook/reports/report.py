"""One report per run: the findings worst first, changes since the run before, and the trend of each value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from migration_ops.core.finding import Change, Finding, FindingStatus, changes, worst, worst_first

# Values in a trend.
KEPT_VALUES = 60
Series = dict[str, list[list[Any]]]


@dataclass(frozen=True)
class Report:
    """
    What one run of a runbook DAG found.

    :param at: ISO 8601 UTC, the end of the window.
    :param trend: ``[time, value]`` of the last runs, oldest first, by finding key.
    :param previous_run: None for the first run, and where no bucket keeps reports: then nothing can be compared.
    :param extra: further tables of the chapter: ``{"title", "head", "rows"}``, and ``"chart"`` (see ``charts``).
    :param remarks: what readers must know about the report, each one sentence.
    :param notify: whether people are notified of it.
    """

    dag_id: str
    run_id: str
    title: str
    at: str
    window_hours: float
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...] = ()
    previous_run: str | None = None
    trend: Series = field(default_factory=dict)
    extra: tuple[dict[str, Any], ...] = ()
    remarks: tuple[str, ...] = ()
    notify: bool = True

    @property
    def verdict(self) -> FindingStatus:
        return worst(self.findings)

    @property
    def counts(self) -> dict[str, int]:
        """Number of findings by verdict, worst first; all four are there."""
        counted = Counter(one.verdict for one in self.findings)
        return {verdict.value: counted[verdict] for verdict in FindingStatus}

    def as_document(self) -> dict[str, Any]:
        """camelCase, as it is kept."""
        return {
            "dagId": self.dag_id,
            "runId": self.run_id,
            "title": self.title,
            "at": self.at,
            "windowHours": self.window_hours,
            "verdict": self.verdict.value,
            "counts": self.counts,
            "findings": [one.as_document() for one in self.findings],
            "changes": [one.as_document() for one in self.changes],
            "previousRun": self.previous_run,
            "trend": self.trend,
            "extra": list(self.extra),
            "remarks": list(self.remarks),
            "notify": self.notify,
        }


def make_report(
    *,
    dag_id: str,
    run_id: str,
    title: str,
    at: str,
    window_hours: float,
    findings: Iterable[Finding],
    previous: dict[str, Any] | None,
    extra: Iterable[dict[str, Any]] = (),
    remarks: Iterable[str] = (),
    notify: bool = True,
    answered: Collection[str] = (),
    partial: Collection[str] = (),
) -> Report:
    """
    :param previous: the kept document of the run before, None when there is none.
    :param answered: names of checks and tasks that left an answer, beside those that ``findings`` name.
    :param partial: checks of which the run read some resources only.
    """
    now = worst_first(findings)
    before = [Finding.from_document(one) for one in (previous or {}).get("findings", [])]
    return Report(
        dag_id=dag_id,
        run_id=run_id,
        title=title,
        at=at,
        window_hours=window_hours,
        findings=tuple(now),
        changes=tuple(changes(before, now, answered=answered, partial=partial)) if previous else (),
        previous_run=previous["runId"] if previous else None,
        trend=_trend((previous or {}).get("trend", {}), now, at),
        extra=tuple(extra),
        remarks=tuple(remarks),
        notify=notify,
    )


def _trend(old: Series, now: list[Finding], at: str) -> Series:
    """Trends of this run's findings; numbers only."""
    found: Series = {}
    for one in now:
        kept = [pair for pair in old.get(one.key, []) if pair[0] < at]
        if isinstance(one.value, (int, float)) and not isinstance(one.value, bool):
            kept = [*kept, [at, one.value]]
        if kept:
            found[one.key] = kept[-KEPT_VALUES:]
    return found
