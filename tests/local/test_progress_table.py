"""The table that a person watches: a row per application, never kinder than Airflow."""

from __future__ import annotations

from typing import Any

import pytest

from include.local import progress_table
from include.local.progress_table import BROKEN, DONE, NOT_YET, SKIPPED


def task(task_id: str, state: str | None, index: int = -1, name: str | None = None, start: str | None = None) -> Any:
    return {
        "task_id": task_id,
        "state": state,
        "map_index": index,
        "rendered_map_index": name or (str(index) if index >= 0 else None),
        "start_date": start,
        "end_date": start,
    }


@pytest.mark.parametrize(
    ("states", "shown"),
    [
        ([None, None], NOT_YET),
        (["success", None], NOT_YET),
        (["success", "running"], "▶"),
        (["failed", "deferred"], "▶"),  # a rollback is on its way
        (["failed", "success"], BROKEN),
        (["success", "upstream_failed"], BROKEN),
        (["skipped", "skipped"], SKIPPED),
        (["success", "skipped"], DONE),
    ],
)
def test_what_a_phase_shows(states: list[str | None], shown: str) -> None:
    tasks = [task(f"test.step{number}", state, 0, "billing") for number, state in enumerate(states)]
    assert progress_table.rows(tasks, ["billing"])[0].phases["test"] == shown


def test_a_name_seen_once_names_the_index_everywhere() -> None:
    tasks = [task("test.launch", "success", 1, "portal"), task("cutover.cutover", None, 1)]
    assert [row.application for row in progress_table.rows(tasks, ["billing", "portal"])] == ["billing", "portal"]
    assert progress_table.rows(tasks, [])[0].application == "portal"


def test_an_application_that_airflow_does_not_know_yet_has_an_empty_row() -> None:
    row = progress_table.rows([task("test.launch", None)], ["billing"])[0]
    assert (row.step, row.state) == ("", "")
    assert set(row.phases.values()) <= {NOT_YET} or row.phases == {}


def test_the_step_is_what_goes_on_then_what_failed_then_what_ended_last() -> None:
    ended = [task("test.launch", "success", 0, "a", "01"), task("test.verify", "success", 0, "a", "02")]
    failed = [task("cutover.cutover", "failed", 0, "a", "03"), task("finish.close", "failed", 0, "a", "05")]
    running = [task("cutover.rollback", "running", 0, "a", "04")]
    assert progress_table.rows(ended, ["a"])[0].step == "verify"
    assert progress_table.rows(ended + failed, ["a"])[0].step == "cutover"
    assert progress_table.rows(ended + failed + running, ["a"])[0].step == "rollback"


def test_the_waves_own_steps_in_the_order_they_began() -> None:
    tasks = [
        task("report", None),
        task("preflight", "running", start="02"),
        task("plan", "success", start="01"),
        task("test.launch", None),
    ]
    assert progress_table.wave_steps(tasks) == [("plan", DONE), ("preflight", "▶"), ("report", NOT_YET)]


def test_only_what_moved_is_told() -> None:
    before = {"plan": "running", "preflight": None, "report": None}
    after = {"plan": "success", "preflight": "queued", "report": None}
    assert progress_table.changes(before, after) == ["plan: running → success", "preflight: waiting → queued"]
