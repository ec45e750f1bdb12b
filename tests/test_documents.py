"""What people read says what the code does: conf keys and defaults, error codes, retries, links."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import migration_ops
from migration_ops.core.errors import MigrationError

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONF = (ROOT / "docs" / "conf.md").read_text()
INSTALLING = (ROOT / "docs" / "installing.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
SCHEMA = json.loads((ROOT / "include" / "schemas" / "wave_conf.json").read_text())
DOCUMENTS = sorted(
    one for one in ROOT.rglob("*.md") if not {".venv", ".airflow", "node_modules"} & set(one.relative_to(ROOT).parts)
)


def _leaves(properties: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Default by dotted key; a part with keys of its own is spelled out, unless its default is to be absent."""
    found: dict[str, Any] = {}
    for name, schema in properties.items():
        part = schema.get("$ref", "").rpartition("/")[2]
        if part:
            found |= _leaves(SCHEMA["$defs"][part]["properties"], f"{before}{name}.")
        else:
            found[before + name] = schema.get("default", "required")
    return found


def _documented() -> dict[str, str]:
    """Default as the tables of docs/conf.md give it, by dotted key; ``a.b`, `.c`` names two keys."""
    found: dict[str, str] = {}
    for line in CONF.splitlines():
        cells = [one.strip().replace("*", "").strip("`") for one in line.strip("|").split("|")]
        if not line.startswith("| `") or len(cells) < 3:
            continue
        keys = re.findall(r"`([\w.]+)`", line.split("|")[1])
        for key in keys:
            found.setdefault(keys[0].rpartition(".")[0] + key if key.startswith(".") else key, cells[1])
    return found


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.splitlines()) <= 130


@pytest.mark.parametrize("page", ["running-a-wave", "conf", "installing", "operations", "runbook-dags", "limits"])
def test_the_readme_leads_a_newcomer_to_each_page(page: str) -> None:
    assert f"](docs/{page}.md" in README


@pytest.mark.parametrize(("key", "default"), _leaves(SCHEMA["properties"]).items())
def test_the_conf_page_gives_each_key_of_the_conf_with_its_default(key: str, default: Any) -> None:
    told = _documented()[key]
    if key == "applications":  # this or mgnWaveId: neither is required by itself
        assert told == "–"
    elif key == "region":  # absent in the conf: another source decides
        assert (default, told) == (None, "the connection's")
    elif default is None:
        assert told == "none"
    elif isinstance(default, float):
        assert float(told) == default
    else:
        assert told == (default if isinstance(default, str) else json.dumps(default))


@pytest.mark.parametrize("key", SCHEMA["$defs"]["ApplicationConf"]["properties"])
def test_the_conf_page_gives_each_key_of_an_application(key: str) -> None:
    schema = SCHEMA["$defs"]["ApplicationConf"]
    default = schema["properties"][key].get("default", "required")
    assert _documented()[key] == (default if isinstance(default, str) else json.dumps(default))


def _errors() -> dict[str, type[MigrationError]]:
    for module in pkgutil.walk_packages(migration_ops.__path__, "migration_ops."):
        importlib.import_module(module.name)
    kinds, found = [MigrationError], {}
    while kinds:
        kinds += (kind := kinds.pop()).__subclasses__()
        if kind.__module__.startswith("migration_ops.") and "code" in vars(kind):
            found[kind.code] = kind
    return found


def _told_codes() -> dict[str, list[str]]:
    table = OPERATIONS.partition("## Error codes")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "| `" in f"{line}"]
    return {code: row for row in rows for code in re.findall(r"`(\w+)`", row[0])}


def test_the_operators_guide_has_every_error_code_and_no_other() -> None:
    assert set(_told_codes()) == set(_errors()) - {"MIGRATION_ERROR"}


@pytest.mark.parametrize("code", sorted(set(_errors()) - {"MIGRATION_ERROR", "NOT_CONCERNED"}))
def test_the_operators_guide_says_which_errors_are_tried_again(code: str) -> None:
    assert _told_codes()[code][2] == ("yes" if _errors()[code].retryable else "no")


def test_the_number_of_retries_is_the_tasks() -> None:
    from migration_ops.operators import defaults

    retries = {int(one) for one in re.findall(r'"retries": (\d+)', Path(defaults.__file__).read_text())}
    assert {int(one) for one in re.findall(r"Retries are on for every task \((\d+)\)", INSTALLING)} == retries
    assert {int(one) for one in re.findall(r"retries the task by itself \((\d+) times", OPERATIONS)} == retries


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: str(one.relative_to(ROOT)))
def test_links_inside_the_project_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", document.read_text()):
        assert (document.parent / target).exists(), target
    for anchor in re.findall(r"\]\(#([^)\s]+)\)", document.read_text()):
        heads = [re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in _headings(document)]
        assert anchor in heads, anchor


def _headings(document: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)


# Of the map, what is not built yet.
NOT_YET = {
    "aws/inventory/sqs.py",
    "runbook/checks/sqs.py",
    "sqs.py",
    "standing.py",
    "wave/rules/standing.py",
    "wave/permission.py",
    "statements.py",
    "chapters.py",
    "notify.py",
    "history.py",
}


UNMERGED = [
    ROOT / "plugins" / "migration_ops" / "runbook" / one
    for one in ("assessment", "audit", "capacity", "cost", "health", "performance", "weekly", "readers")
]


def test_the_map_of_the_code_names_every_room_and_no_file_that_is_gone() -> None:
    package = ROOT / "plugins" / "migration_ops"
    text = (ROOT / "docs" / "architecture.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`([\w./]+)`", text)
    rooms = [one.parent for one in package.rglob("__init__.py") if one.parent not in {package, *UNMERGED}]
    assert len(rooms) > 20
    assert [
        str(one) for one in rooms if f"{one.relative_to(package)}/" not in named and f"{one.name}/" not in named
    ] == []
    files = [one for one in named if one.endswith(".py") and one not in NOT_YET]
    there = [
        str(one) for one in (*package.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "plugins").glob("*.py"))
    ]
    assert [one for one in files if not any(path.endswith(f"/{one}") for path in there)] == []


@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "adr").glob("0*.md")), ids=lambda one: one.stem)
def test_each_decision_says_when_a_change_violates_it(record: Path) -> None:
    clauses = (
        record.read_text().partition("\n## Violations\n\nA change violates this when it:\n\n")[2].strip().splitlines()
    )
    assert 1 <= len(clauses) <= 4
    assert all(one.startswith("- ") for one in clauses)
