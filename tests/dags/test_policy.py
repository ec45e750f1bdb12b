"""What every DAG of this project keeps to, whoever wrote it and whenever it was added."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migration_ops.operators.defaults import OWNER, Tag
from tests.dags.dag_files import FILES, bag, dag, dag_ids, is_empty, is_question, tasks

MAX_LINES = 120


def test_every_file_imports() -> None:
    assert bag().import_errors == {}
    assert {one.fileloc for one in bag().dags.values()} == {str(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_short(path: Any) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("dag_id", dag_ids())
class TestDag:
    def test_tags_come_from_the_enum_and_name_one_impact(self, dag_id: str) -> None:
        tags = set(dag(dag_id).tags)
        assert tags <= {tag.value for tag in Tag}
        assert len([tag for tag in tags if tag.startswith("impact:")]) == 1

    def test_it_is_documented(self, dag_id: str) -> None:
        doc = dag(dag_id).doc_md
        assert doc
        assert doc.lstrip().startswith("#")
        assert "clear" in doc.lower(), "how one retries belongs into every DAG's page"

    def test_it_does_not_catch_up(self, dag_id: str) -> None:
        assert dag(dag_id).catchup is False

    def test_its_start_is_fixed(self, dag_id: str) -> None:
        start = dag(dag_id).start_date
        if dag(dag_id).timetable.can_be_scheduled:
            assert start is None, "with one in the past a run begins as soon as the DAG is unpaused"
            return
        assert start is not None
        assert start.microsecond == 0
        assert (start.hour, start.minute, start.second) == (0, 0, 0), "a moving start_date is no start_date"

    def test_unpaused_it_waits_for_its_next_time(self, dag_id: str) -> None:
        from airflow.serialization.serialized_objects import DagSerialization
        from airflow.timetables.base import TimeRestriction

        one = dag(dag_id)
        if not one.timetable.can_be_scheduled:
            return
        timetable = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(one)).timetable
        restriction = TimeRestriction(earliest=one.start_date, latest=None, catchup=one.catchup)
        first = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
        assert first.run_after > datetime.now(UTC)

    def test_a_run_ends_some_day(self, dag_id: str) -> None:
        assert timedelta(0) < dag(dag_id).dagrun_timeout <= timedelta(days=31)

    def test_a_run_that_changes_things_has_to_be_told_so(self, dag_id: str) -> None:
        params = dag(dag_id).params
        if Tag.IMPACT_NONE.value in dag(dag_id).tags and "dryRun" not in params:
            return
        assert params["dryRun"] is True

    def test_it_may_run_more_than_once_only_on_purpose(self, dag_id: str) -> None:
        one = dag(dag_id)
        assert one.timetable.can_be_scheduled is False or one.max_active_runs == 1

    def test_it_survives_the_database(self, dag_id: str) -> None:
        from airflow.serialization.serialized_objects import DagSerialization

        before = dag(dag_id)
        after = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(before))
        assert set(after.task_ids) == set(before.task_ids)
        assert dict(after.params) == dict(before.params)

    def test_params_have_titles_and_help(self, dag_id: str) -> None:
        for name in dag(dag_id).params:
            param = dag(dag_id).params.get_param(name)
            assert param.schema.get("title"), name
            # A description inside the schema itself would make the DAG vanish; Param keeps its own.
            assert param.description or param.schema["title"], name


@pytest.mark.parametrize(("dag_id", "task_id"), tasks())
class TestTask:
    def test_it_has_an_owner(self, dag_id: str, task_id: str) -> None:
        assert dag(dag_id).task_dict[task_id].owner == OWNER

    def test_it_is_documented(self, dag_id: str, task_id: str) -> None:
        assert dag(dag_id).task_dict[task_id].doc_md

    def test_it_retries_what_waiting_helps(self, dag_id: str, task_id: str) -> None:
        task = dag(dag_id).task_dict[task_id]
        if is_empty(task):
            return
        # Questions too: Airflow 3.3.2 can fail a task that resumes, and only a retry asks again.
        assert task.retries >= 2
        assert task.retry_delay <= timedelta(minutes=5)
        assert _attribute(task, "retry_policy") is not None

    def test_one_stint_on_a_worker_ends(self, dag_id: str, task_id: str) -> None:
        task = dag(dag_id).task_dict[task_id]
        if is_question(task) or (is_empty(task)):
            return
        assert timedelta(0) < task.execution_timeout <= timedelta(hours=2)

    def test_silence_approves_nothing(self, dag_id: str, task_id: str) -> None:
        task = dag(dag_id).task_dict[task_id]
        defaults = _attribute(task, "defaults")
        assert not defaults, "a question with a default answers itself when nobody does"

    def test_no_worker_sleeps(self, dag_id: str, task_id: str) -> None:
        assert _attribute(dag(dag_id).task_dict[task_id], "mode") != "poke"

    def test_no_template_renders_what_came_with_the_run(self, dag_id: str, task_id: str) -> None:
        task = dag(dag_id).task_dict[task_id]
        for field in task.template_fields:
            text = str(_attribute(task, field) or "")
            assert "dag_run.conf" not in text
            # The form's pattern bounds this one.
            assert "params." not in text.replace("{{ params.stackName }}", "")


def _attribute(task: Any, name: str) -> Any:
    """Of a task or, for a mapped one, of what it is mapped from."""
    kwargs = getattr(task, "partial_kwargs", {})
    return kwargs.get(name, getattr(task, name, None))
