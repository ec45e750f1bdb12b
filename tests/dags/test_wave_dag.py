"""The shape of the wave and of the rollback: what decides a run's colour, and what hangs on what."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from migration_ops.wave.conf.model import WaveConf
from migration_ops.wave.conf.rollback import RollbackConf
from tests.dags.dag_files import ROOT, dag, is_question

LEAVES = {
    "migration_wave": {"wave_complete", "report"},
    "migration_rollback": {"rollback_complete", "release"},
}


@pytest.mark.parametrize("dag_id", sorted(LEAVES))
def test_the_leaves_are_the_ones_that_were_designed(dag_id: str) -> None:
    """A run's colour is that of its leaves: one more, and a failed wave could be green."""
    assert {task.task_id for task in dag(dag_id).leaves} == LEAVES[dag_id]


def test_the_report_and_the_release_run_whatever_happened() -> None:
    assert dag("migration_wave").task_dict["report"].trigger_rule == "all_done"
    assert dag("migration_rollback").task_dict["release"].trigger_rule == "all_done"


def test_the_wave_is_complete_only_when_nothing_failed() -> None:
    complete = dag("migration_wave").task_dict["wave_complete"]
    assert complete.trigger_rule == "none_failed_min_one_success"
    assert "finish.close" in complete.upstream_task_ids


@pytest.mark.parametrize(
    ("dag_id", "leaf", "begins"),
    [("migration_wave", "wave_complete", {"plan", "preflight"}), ("migration_rollback", "rollback_complete", {"plan"})],
)
def test_a_run_is_not_green_when_what_it_begins_with_is_cleared_and_fails(
    dag_id: str, leaf: str, begins: set[str]
) -> None:
    """What is mapped exists by then: it is skipped, and would not keep the leaf from being green."""
    assert begins <= dag(dag_id).task_dict[leaf].upstream_task_ids


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("preflight", "test.replication_ready"),
        ("test.mark_ready", "go_no_go"),
        ("go_no_go", "approve_cutover"),
        ("approve_cutover", "cutover_window"),
        ("cutover_window", "cutover.wait_for_dependencies"),
        ("cutover.quiesce", "cutover.cutover"),
        ("cutover.cutover_verify", "soak"),
        ("soak", "approve_finalize"),
        ("approve_finalize", "finish.finalize"),
        ("test.rollback", "finish.update_cmdb"),
        ("cutover.rollback", "finish.update_cmdb"),
    ],
)
def test_one_comes_before_the_other(before: str, after: str) -> None:
    assert before in _upstream(dag("migration_wave"), after)


@pytest.mark.parametrize(
    ("dag_id", "with_buttons"),
    [
        (
            "migration_wave",
            {"test.test_launch", "test.mark_ready", "test.rollback", "cutover.cutover", "cutover.rollback"},
        ),
        ("migration_rollback", {"undo.rollback"}),
    ],
)
def test_tasks_that_start_jobs_have_buttons_to_them_and_no_others(dag_id: str, with_buttons: set[str]) -> None:
    """Each button costs two requests to Airflow's API after every stint of its task."""
    found = {task.task_id: {link.name for link in task.operator_extra_links} for task in dag(dag_id).tasks}
    assert {task_id for task_id, links in found.items() if "MGN Job" in links} == with_buttons
    assert {task_id for task_id, links in found.items() if links and "MGN Job" not in links} <= {
        task.task_id for task in dag(dag_id).tasks if is_question(task)
    }


@pytest.mark.parametrize("irreversible", ["cutover.cutover", "finish.finalize"])
def test_nothing_irreversible_without_all_that_leads_to_it(irreversible: str) -> None:
    assert dag("migration_wave").task_dict[irreversible].trigger_rule == "all_success"


@pytest.mark.parametrize("group", ["test", "cutover"])
def test_a_decision_follows_a_failure_of_its_own_group_only(group: str) -> None:
    tasks = dag("migration_wave").task_dict
    decide, rollback = tasks[f"{group}.decide"], tasks[f"{group}.rollback"]
    assert is_question(decide)
    assert decide.trigger_rule == "one_failed"
    assert rollback.trigger_rule == "all_success"
    # What a group is mapped over is upstream of everything in it.
    assert decide.upstream_task_ids == {*decide.watched, "preflight"}
    assert all(one.startswith(f"{group}.") for one in decide.watched)
    assert rollback.upstream_task_ids == {decide.task_id, "preflight"}


def test_decisions_do_not_hold_up_the_other_applications() -> None:
    for wave_level in ("go_no_go", "approve_cutover", "cutover_window", "soak", "approve_finalize"):
        assert not {one for one in _upstream(dag("migration_wave"), wave_level) if "decide" in one}


def test_the_form_has_exactly_the_keys_of_the_conf() -> None:
    fields = {str(field.alias) for field in WaveConf.model_fields.values()}
    assert set(dag("migration_wave").params) == fields
    fields = {str(field.alias) for field in RollbackConf.model_fields.values()}
    assert set(dag("migration_rollback").params) == fields


def test_the_forms_defaults_are_the_confs() -> None:
    defaults = WaveConf(wave="any").as_document()
    form = dict(dag("migration_wave").params)
    form.pop("wave")
    assert form == {key: value for key, value in defaults.items() if key != "wave"}


@pytest.mark.parametrize("dag_id", ["migration_wave", "migration_rollback", "migration_setup"])
def test_the_form_has_a_fitting_widget_for_each_key(dag_id: str) -> None:
    """Of several types Airflow's form makes a text box that reads "123456789012" as a number."""
    for name in dag(dag_id).params:
        schema = dag(dag_id).params.get_param(name).schema
        kinds = schema.get("type", [])
        kinds = {kinds} if isinstance(kinds, str) else set(kinds)
        assert len(kinds - {"null"}) == 1 or schema.get("enum"), name
        assert "`" not in (dag(dag_id).params.get_param(name).description or ""), f"{name}: the form shows it as it is"
    for name in ("region", "accountId", "mgnWaveId", "callbackUrl", "changeTicket"):
        assert dag("migration_wave").params.get_param(name).schema["type"] == ["string", "null"]


def test_applications_are_entered_as_json_and_not_as_lines_of_text() -> None:
    """An array without types of its items, or of strings, is a box with one string a line in Airflow's form."""
    assert dag("migration_wave").params.get_param("applications").schema["items"]["type"] != "string"
    assert "items" not in dag("migration_rollback").params.get_param("applications").schema


def test_triggers_are_importable_in_a_process_without_the_dags_folder() -> None:
    """The triggerer has no dags folder on its path, and gets a class by its name."""
    from migration_ops.operators.triggers import WatchTrigger

    assert WatchTrigger.__module__ == "migration_ops.operators.triggers"
    assert not {one for one in sys.modules if one.startswith("migration_ops") and "dags/" in _file_of(one)}


@pytest.mark.parametrize("syntax", ["glob", "regexp"])
def test_the_plugin_scan_leaves_the_package_alone(syntax: str) -> None:
    """Airflow's plugin loader executes every .py that it finds; ours would be imported file by file."""
    from airflow._shared.module_loading import find_path_from_directory

    # Both syntaxes that an installation may have set; glob is the default.
    found = {Path(one).name for one in find_path_from_directory(str(ROOT / "plugins"), ".airflowignore", syntax)}
    assert {name for name in found if name.endswith(".py")} == {"migration_plugin.py"}


def test_a_process_that_loads_plugins_has_the_whole_package_for_its_tasks() -> None:
    """Tasks are its forks: what the DAG file would import is there already, and a cleared question is dropped."""
    code = (
        "import sys; from airflow import plugins_manager as pm; pm.ensure_plugins_loaded();"
        "before = {one for one in sys.modules if one.startswith('migration_ops')};"
        "import runpy; runpy.run_path('dags/migration_wave.py');"
        "new = {one for one in sys.modules if one.startswith('migration_ops')} - before;"
        "from sqlalchemy import event; from airflow.models.taskinstance import TaskInstance;"
        "from migration_ops.operators.listeners import drop_old_question as drop;"
        "print('NEW', sorted(new), event.contains(TaskInstance, 'before_update', drop))"
    )
    environment = {**os.environ, "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert "NEW [] True" in done.stdout, done.stdout + done.stderr


def _file_of(module: str) -> str:
    return str(getattr(sys.modules[module], "__file__", "") or "")


def _upstream(one: Any, task_id: str) -> set[str]:
    return {task.task_id for task in one.task_dict[task_id].get_flat_relatives(upstream=True)}


def test_the_drill_rehearses_after_it_has_compared_the_ledger() -> None:
    """A rehearsal writes into the ledger: beside it, nothing old enough to compare may be left (seen on a new one)."""
    assert {"compare", "compare_recovered"} <= _upstream(dag("runbook_dr_drill"), "rehearse_launch")
    assert dag("runbook_dr_drill").task_dict["plan"].trigger_rule == "all_done"
