"""The wave as a table, application × step, from Airflow's task instances. Pure: documents in, rows out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]

PHASES = ("test", "cutover", "finish")
WAITING = frozenset({"scheduled", "queued", "deferred", "awaiting_input", "up_for_retry", "up_for_reschedule"})
ACTIVE = WAITING | {"running", "restarting"}
FAILED = frozenset({"failed", "upstream_failed"})
DONE, SKIPPED, BROKEN, NOT_YET = "✔", "–", "✘", "·"
SYMBOL_OF_STATE = {
    "success": DONE,
    "skipped": SKIPPED,
    "failed": BROKEN,
    "upstream_failed": BROKEN,
    "running": "▶",
    "deferred": "⏳",
    "awaiting_input": "✋",
    "up_for_retry": "↻",
}


@dataclass(frozen=True)
class Row:
    """One application: a symbol per phase, and its current step with that step's state."""

    application: str
    phases: dict[str, str] = field(default_factory=dict)
    step: str = ""
    state: str = ""


def symbol(state: str | None) -> str:
    """One character for a task state."""
    return SYMBOL_OF_STATE.get(state or "", "…" if state in ACTIVE else NOT_YET)


def wave_steps(tasks: Iterable[Document]) -> list[tuple[str, str]]:
    """The wave's own tasks (not mapped, not in a group) with their symbols, in the order of their start."""
    own = [task for task in tasks if task["map_index"] < 0 and "." not in task["task_id"]]
    own.sort(key=lambda task: (task["start_date"] is None, task["start_date"] or "", task["task_id"]))
    return [(task["task_id"], symbol(task["state"])) for task in own]


def rows(tasks: Iterable[Document], applications: Iterable[str]) -> list[Row]:
    """A row per application, those of the conf first and in its order."""
    mapped = [task for task in tasks if task["map_index"] >= 0 and "." in task["task_id"]]
    names = index_names(mapped)
    by_application: dict[str, list[Document]] = {name: [] for name in applications}
    for task in mapped:
        name = names.get(task["map_index"])
        if name is not None:
            by_application.setdefault(name, []).append(task)
    return [_row(name, found) for name, found in by_application.items()]


def index_names(mapped: Iterable[Document]) -> Mapping[int, str]:
    """Application names by map index. All groups are mapped over the same list, so one name per index is enough."""
    names = {}
    for task in mapped:
        rendered = task.get("rendered_map_index")
        if rendered and rendered != str(task["map_index"]):
            names[task["map_index"]] = str(rendered)
    return names


def states(tasks: Iterable[Document]) -> dict[str, str | None]:
    """State by task; a mapped task with its application's name once that is known: ``test.verify[billing]``."""
    found = list(tasks)
    names = index_names(task for task in found if task["map_index"] >= 0)
    return {_label(task, names): task["state"] for task in found}


def _label(task: Document, names: Mapping[int, str]) -> str:
    if task["map_index"] < 0:
        return str(task["task_id"])
    return f"{task['task_id']}[{names.get(task['map_index'], task['map_index'])}]"


def _row(application: str, tasks: list[Document]) -> Row:
    phases = {phase: _phase([task for task in tasks if task["task_id"].startswith(f"{phase}.")]) for phase in PHASES}
    current = _current(tasks)
    if current is None:
        return Row(application, phases)
    return Row(application, phases, _short(current), current["state"])


def _phase(tasks: list[Document]) -> str:
    states = {task["state"] for task in tasks}
    if states & ACTIVE:
        return "▶"
    if states & FAILED:
        return BROKEN
    if not states or None in states:
        return NOT_YET
    return SKIPPED if states == {"skipped"} else DONE


def _current(tasks: list[Document]) -> Document | None:
    """The step to show for an application: one that runs, else the one that failed first, else the last that ended."""
    active = [task for task in tasks if task["state"] in ACTIVE]
    if active:
        return max(active, key=lambda task: task["start_date"] or "")
    failed = [task for task in tasks if task["state"] == "failed"]
    if failed:
        return min(failed, key=lambda task: task["end_date"] or "")
    ended = [task for task in tasks if task["state"] == "success"]
    return max(ended, key=lambda task: task["end_date"] or "", default=None)


def _short(task: Document) -> str:
    return str(task["task_id"]).partition(".")[2]


def changes(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> list[str]:
    """What changed between two reads, one line each: ``test.verify[billing]: running → success``."""
    return [
        f"{label}: {before.get(label) or 'waiting'} → {state}"
        for label, state in after.items()
        if state is not None and state != before.get(label)
    ]
