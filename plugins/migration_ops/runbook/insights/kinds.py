"""What is said of each finding about a query."""

from __future__ import annotations

from functools import cache

from migration_ops.core.finding import FindingStatus
from migration_ops.core.finding_kind import FindingKind, KindTable
from migration_ops.runbook.insights import QUERIES
from migration_ops.runbook.insights.query import Query, read_query

SECTION = "Monitoring & Alerts, Log Insights Queries"
_CLEAR = "Clear the task with downstream."
_ASK_AGAIN = (
    "Look at the task's log; a narrower window or a larger step in minutes helps a query that "
    "timed out or whose answer was cut; make the log groups that are missing, or take their functions out of "
    "resources.yaml. Clear the task start with downstream to ask again."
)
_FOLLOW = "Look at the rows in the report, and follow one migration with the query track_migration."

# Of the whole run, where not even the queries are known.
INSIGHTS = FindingKind(
    check_id="insights", title="Log insights", section=SECTION, remedy=_ASK_AGAIN, unit="rows", lost_remedy=_CLEAR
)


def check_id(name: str) -> str:
    """Of the finding about a query."""
    return f"insights_{name}"


def finding_kind(query: Query) -> FindingKind:
    """What is said of findings about this query."""
    return FindingKind(
        check_id=check_id(query.name),
        title=query.title,
        section=query.section,
        remedy=_ASK_AGAIN,
        remedies={FindingStatus.WARNING: _FOLLOW},
        unit="rows",
        lost_remedy=_CLEAR,
    )


@cache
def insight_kinds() -> KindTable:
    """All of them. The files are read when it is asked for: a DAG file reads no directory."""
    return KindTable(INSIGHTS, *(finding_kind(read_query(name)) for name in QUERIES))


def kind_of(name: str) -> FindingKind:
    """
    By the query's name.

    :raises UnknownFindingKindError: there is no such query.
    """
    return insight_kinds()[check_id(name)]
