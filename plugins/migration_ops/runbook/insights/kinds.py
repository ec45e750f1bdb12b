"""The kinds of finding about queries."""

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
    "timed out or whose answer was cut; create missing log groups, or exclude their functions in resources.yaml. "
    "Clear the task start with downstream to run the query again."
)
_FOLLOW = "Look at the rows in the report, and follow one migration with the query track_migration."

# For the whole run, when not even the queries are known.
INSIGHTS = FindingKind(
    check_id="insights", title="Log insights", section=SECTION, remedy=_ASK_AGAIN, unit="rows", lost_remedy=_CLEAR
)


def check_id(name: str) -> str:
    """Check id of the finding about a query."""
    return f"insights_{name}"


def finding_kind(query: Query) -> FindingKind:
    """The kind of findings about this query."""
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
    """All of them. The query files are read only here: a DAG file must not read them when it is parsed."""
    return KindTable(INSIGHTS, *(finding_kind(read_query(name)) for name in QUERIES))


def kind_of(name: str) -> FindingKind:
    """
    The kind of findings about a query, by the query's name.

    :raises UnknownFindingKindError: there is no such query.
    """
    return insight_kinds()[check_id(name)]
