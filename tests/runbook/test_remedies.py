"""What people are sent to exists: every DAG that a remedy, risk or alarm names, by its id or in words."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "plugins" / "migration_ops"
# A DAG's file has its id.
DAGS = {one.stem for one in (ROOT / "dags").glob("*.py")}
METADATA = sorted(one for one in (PACKAGE / "runbook").rglob("*.json"))
MODULES = sorted([*(PACKAGE / "runbook").rglob("*.py"), *(PACKAGE / "operators").rglob("*.py")])
# What this package has no tool for: people would look for it in vain.
NO_TOOL = re.compile(r"redrive (?:it|them|)\s*with approval|incident dag|ingress dag|\bdiagnosis dag", re.IGNORECASE)
_NAMED = re.compile(r"\b(?:the|trigger|by) ([a-z]+) DAG\b")
_ID = re.compile(r"\b(?:runbook|migration)_[a-z_]+\b")
# Words of the package that look like DAG ids: itself, check ids, states of rows and keys of documents.
NO_DAGS = {"migration_ops", "migration_id", "migration_stuck", "migration_frozen", "migration_plugin"}


def texts_of(path: Path) -> Iterator[str]:
    """Texts that people may read; docstrings are not among them."""
    if path.suffix == ".json":
        document = json.loads(path.read_text(encoding="utf-8"))
        yield from (document["remedy"], document["risk"], document["title"])
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {
        id(one.body[0].value)
        for one in ast.walk(tree)
        if isinstance(one, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and one.body
        and isinstance(one.body[0], ast.Expr)
    }
    for one in ast.walk(tree):
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in docs:
            yield one.value


def test_there_is_something_to_look_at() -> None:
    assert len(METADATA) > 100
    assert {"runbook_health_check", "migration_setup"} <= DAGS


@pytest.mark.parametrize("path", METADATA, ids=lambda path: path.stem)
def test_a_dag_that_metadata_names_exists(path: Path) -> None:
    named = {one for text in texts_of(path) for one in _ID.findall(text)} - NO_DAGS
    assert named <= DAGS


@pytest.mark.parametrize("path", [*METADATA, *MODULES], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_text_sends_people_to_a_tool_that_does_not_exist(path: Path) -> None:
    for text in texts_of(path):
        assert not NO_TOOL.search(text), text
        for word in _NAMED.findall(text):
            assert any(word in dag_id for dag_id in DAGS), text


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_dag_that_a_sentence_names_exists(path: Path) -> None:
    """Ids inside sentences; a text that is an id alone is a key or a check."""
    for text in texts_of(path):
        if " " in text.strip():
            assert set(_ID.findall(text)) - NO_DAGS <= DAGS, text
