"""Where reports take their findings from: whatever left nothing is named, and what explained itself is named once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.core.finding_kind import UnknownFindingKindError
from migration_ops.operators.runbook.report import RunbookReportOperator
from migration_ops.operators.runbook.results import RunResults
from migration_ops.operators.runbook.sources import MappedTask, Tasks, all_findings, merged
from migration_ops.runbook.alarms.findings import ALARMS, finding_kind
from migration_ops.runbook.backup.kinds import TASK_KINDS
from migration_ops.runbook.kinds import all_kinds
from tests.dags.dag_files import dag, dag_ids

CRITICAL, UNKNOWN, WARNING, OK = FindingStatus
PARAMS = {"prowlerReport": None, "securityHub": True}
# A checklist that is not there raises: nothing was asked.
REPORTS = sorted(
    (dag_id, task.task_id)
    for dag_id in dag_ids()
    for task in dag(dag_id).tasks
    if isinstance(task, RunbookReportOperator)
)


class Instance:
    """What sources ask of a task instance, over values by task, index and key."""

    dag_id, run_id = "runbook", "run-1"

    def __init__(self, values: dict[tuple[str, int, str], Any], states: dict[str, str]) -> None:
        self.values, self.state_of = values, states

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.values.get((task_ids, map_indexes, key))

    def get_task_states(self, *, dag_id: str, run_ids: list[str], task_ids: list[str]) -> dict[str, dict[str, str]]:
        return {self.run_id: {one: state for one, state in self.state_of.items() if one in task_ids}}


def chained(*pairs: tuple[str, str]) -> Any:
    """A DAG of which only is known what comes before what."""
    ids = {one for pair in pairs for one in pair}
    tasks = {one: SimpleNamespace(upstream_task_ids={a for a, b in pairs if b == one}) for one in ids}
    return SimpleNamespace(task_ids=sorted(ids), get_task=tasks.__getitem__)


def gathered(states: dict[str, str], found: dict[str, FindingStatus], pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Verdict by check id; a task that found something left one finding named after it."""
    values = {
        (task_id, -1, "findings"): [Finding(f"of_{task_id}", "r", verdict).as_document()]
        for task_id, verdict in found.items()
    }
    source = Tasks(("begin", "load", "compare"), TASK_KINDS)
    results = RunResults(Instance(values, states), {}, chained(*pairs))
    return {one.check_id: one.verdict.value for one in source.findings(results)}


PAIRS = [("begin", "create"), ("create", "load"), ("load", "compare")]


class TestTasks:
    @pytest.mark.parametrize("state", ["failed", "upstream_failed", "removed", "None"])
    def test_one_that_left_nothing_is_unknown(self, state: str) -> None:
        states = {"begin": state, "load": "skipped", "compare": "success"}
        assert gathered(states, {}, PAIRS) == {"begin": "UNKNOWN"}

    def test_one_that_is_not_there_at_all_is_unknown(self) -> None:
        assert gathered({}, {}, PAIRS) == {"begin": "UNKNOWN", "load": "UNKNOWN", "compare": "UNKNOWN"}

    def test_what_could_not_start_because_of_a_task_that_says_why_is_not_lost(self) -> None:
        states = {"begin": "failed", **dict.fromkeys(("create", "load", "compare"), "upstream_failed")}
        assert gathered(states, {"begin": UNKNOWN}, PAIRS) == {"of_begin": "UNKNOWN"}

    @pytest.mark.parametrize("found", [{}, {"begin": OK}, {"begin": WARNING}])
    def test_a_task_that_was_killed_explains_nothing(self, found: dict[str, FindingStatus]) -> None:
        states = {"begin": "failed", **dict.fromkeys(("create", "load", "compare"), "upstream_failed")}
        assert {"load": "UNKNOWN", "compare": "UNKNOWN"}.items() <= gathered(states, found, PAIRS).items()

    def test_a_task_in_between_that_was_killed_is_not_explained_by_what_went_well(self) -> None:
        states = {"begin": "success", "create": "failed", "load": "upstream_failed", "compare": "upstream_failed"}
        found = gathered(states, {"begin": CRITICAL}, PAIRS)
        assert found == {"of_begin": "CRITICAL", "load": "UNKNOWN", "compare": "UNKNOWN"}

    def test_of_two_causes_both_must_say_why(self) -> None:
        states = {"begin": "failed", "create": "failed", "load": "upstream_failed", "compare": "success"}
        assert gathered(states, {"begin": CRITICAL}, [*PAIRS, ("begin", "load")])["load"] == "UNKNOWN"

    def test_what_was_left_before_it_was_cleared_does_not_count(self) -> None:
        states = {"begin": "failed", "load": "upstream_failed", "compare": "skipped"}
        assert gathered(states, {"load": CRITICAL}, PAIRS) == {"begin": "UNKNOWN", "load": "UNKNOWN"}


class TestMappedTask:
    def test_a_name_that_nobody_knows_is_an_error_and_no_finding_with_anothers_remedy(self) -> None:
        source = MappedTask("alarms", kind_of=finding_kind, whole=ALARMS, names=("dead_letter",))
        with pytest.raises(UnknownFindingKindError):
            source.findings(RunResults(Instance({}, {}), {}))

    def test_tables_of_one_title_become_one_and_charts_stay(self) -> None:
        head = {"title": "T", "head": ["A"]}
        found = merged([head | {"rows": [[1]]}, head | {"rows": [[2]], "chart": {}}, head | {"rows": [[3]]}])
        assert [one["rows"] for one in found] == [[[1], [3]], [[2]]]


def test_there_are_reports() -> None:
    assert len(REPORTS) >= 13


@pytest.mark.parametrize(("dag_id", "task_id"), REPORTS)
def test_of_a_run_that_left_nothing_every_report_says_unknown_with_title_and_remedy(dag_id: str, task_id: str) -> None:
    report = dag(dag_id).get_task(task_id)
    sources = [one for one in report.sources if type(one).__name__ != "ChecklistAnswers"]
    found = all_findings(sources, RunResults(Instance({}, {}), PARAMS, report.dag))
    assert found or dag_id == "runbook_annual_review"
    assert {one.verdict for one in found} <= {UNKNOWN}
    assert [one.check_id for one in found if not (one.title and one.remedy and one.section)] == []
    assert {one.check_id for one in found} <= set(all_kinds())
