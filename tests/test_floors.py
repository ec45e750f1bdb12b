"""Floors: who may import whom, which packages there are, how large a module may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_ops.core.states import Phase

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "plugins" / "migration_ops"

# A package imports itself and packages on lower floors; two packages on one floor do not import each other.
FLOORS = {
    "core": 1,
    "aws": 2,
    "ledger": 3,
    "integrations": 4,
    "wave": 5,
    "runbook": 5,
    "operators": 7,
    # Import paths of before an upgrade, which lead to operators.
    "mgn": 8,
}
SDK = {"boto3", "botocore"}
SPEAK_TO_AWS = {"aws", "ledger"}
# The provider's hook base is the one piece of Airflow below the operators.
AIRFLOW_BELOW = {PACKAGE / "aws" / "session.py"}
KNOW_AIRFLOW = {"operators", "mgn"}
LEAST_LINES, MOST_LINES = 20, 430
# Faces and import paths of before; nothing else may be this short.
SHORT_ROOMS = {"mgn"}

MODULES = sorted(PACKAGE.rglob("*.py"))


# Facts about phases are named once; what a step may do in which phase is the standing's.
PHASE_SETS = {PACKAGE / "core" / "states.py", *(PACKAGE / "wave" / "rules").glob("standing*.py")}
PHASES = {one.value for one in Phase}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which package they come from"
            yield from (f"{node.module}.{one.name}" for one in node.names)


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_each_folder_is_a_room_of_the_table() -> None:
    there = {one.name for one in PACKAGE.iterdir() if one.is_dir() and one.name != "__pycache__"}
    assert there == set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_its_room_and_lower_floors(path: Path) -> None:
    room = room_of(path)
    for name in imported(path):
        if name.startswith("migration_ops.") and (other := name.split(".")[1]) in FLOORS and room in FLOORS:
            assert other == room or FLOORS[other] < FLOORS[room], f"{name_of(path)} imports {name}"
        assert name.split(".")[0] not in {"include", "tests", "dags"}, f"{name_of(path)} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_their_rooms_speak_to_aws_and_know_airflow(path: Path) -> None:
    room, outside = room_of(path), {name.split(".")[0] for name in imported(path)}
    if room not in SPEAK_TO_AWS:
        assert not outside & SDK, f"{name_of(path)} imports the AWS SDK"
    if room not in KNOW_AIRFLOW and path not in AIRFLOW_BELOW:
        assert "airflow" not in outside, f"{name_of(path)} imports Airflow"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_neither_a_crumb_nor_a_hall(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES
    assert lines >= LEAST_LINES or path.name == "__init__.py" or room_of(path) in SHORT_ROOMS


@pytest.mark.parametrize("path", [one for one in MODULES if one.name == "__init__.py"], ids=name_of)
def test_a_rooms_face_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_each_folder_has_a_face() -> None:
    folders = {one.parent for one in MODULES}
    assert [str(one) for one in sorted(folders) if not (one / "__init__.py").exists()] == []


def is_phase(node: ast.AST) -> bool:
    """``Phase.READY``, ``states.Phase.READY``, their ``.value``, or the phase's text."""
    if isinstance(node, ast.Constant):
        return node.value in PHASES
    while isinstance(node, ast.Attribute) and node.attr in {"value", "name"}:
        node = node.value
    return isinstance(node, ast.Attribute) and ast.unparse(node.value).split(".")[-1] == "Phase"


def phase_sets(source: str) -> list[str]:
    """Literal sets, tuples and lists of two phases or more."""
    nodes = [one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Set | ast.Tuple | ast.List)]
    return [ast.unparse(one) for one in nodes if sum(map(is_phase, one.elts)) >= 2]


@pytest.mark.parametrize("path", [one for one in MODULES if one not in PHASE_SETS], ids=name_of)
def test_a_set_of_phases_has_one_home(path: Path) -> None:
    """Name it in ``core/states.py``, or ask ``wave/rules/standing.py``."""
    assert phase_sets(path.read_text(encoding="utf-8")) == []


def test_a_set_of_phases_is_seen_however_it_is_written() -> None:
    written = [
        "S = frozenset({Phase.READY, Phase.TESTED})",
        "phase in (states.Phase.READY, states.Phase.TESTED.value)",
        "SHOWN = ['READY', 'TESTED']",
    ]
    assert [len(phase_sets(one)) for one in written] == [1, 1, 1]
    assert phase_sets("S = {Phase.READY}; D = {Phase.READY: 1, Phase.TESTED: 2}; T = {'READY', 'TESTING'}") == []


SIMULATION = sorted((ROOT / "include" / "simulation").rglob("*.py"))
# The simulation has no server, no process and no time of its own; its command measures how long it took.
REAL_WORLD = {
    "airflow",
    "asyncio",
    "flask",
    "moto",
    "requests",
    "socket",
    "subprocess",
    "threading",
    "time",
    "werkzeug",
}
# campaign.py says how long its parts took; snapshots.py copies locks, and imports their types for it.
MAY_IMPORT = {"__main__.py": {"time"}, "campaign.py": {"time"}, "snapshots.py": {"threading"}}


@pytest.mark.parametrize("path", SIMULATION, ids=lambda path: path.name)
def test_the_simulation_stays_on_virtual_time(path: Path) -> None:
    outside = {name.split(".")[0] for name in imported(path)}
    assert outside & REAL_WORLD <= MAY_IMPORT.get(path.name, set())
    assert "tests" not in outside
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert LEAST_LINES <= lines <= MOST_LINES
