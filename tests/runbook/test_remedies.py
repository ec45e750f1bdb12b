"""What people are sent to exists: every DAG that a remedy, risk or alarm names, by its id or in words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_ops.runbook.checks.check import REGISTRY, load

load()
ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "plugins" / "migration_ops"
# A DAG's file has its id.
DAGS = {one.stem for one in (ROOT / "dags").glob("*.py")}
METADATA = sorted(REGISTRY)
MODULES = sorted([*(PACKAGE / "runbook").rglob("*.py"), *(PACKAGE / "operators").rglob("*.py")])
# What this package has no tool for: people would look for it in vain.
NO_TOOL = re.compile(r"redrive (?:it|them|)\s*with approval|incident dag|ingress dag|\bdiagnosis dag", re.IGNORECASE)
_NAMED = re.compile(r"\b(?:the|trigger|by) ([a-z]+) DAG\b")
_ID = re.compile(r"\b(?:runbook|migration)_[a-z_]+\b")
# Words of the package that look like DAG ids: itself, check ids, states of rows and keys of documents.
NO_DAGS = {"migration_ops", "migration_id", "migration_stuck", "migration_frozen", "migration_plugin"}


def texts_of(path: Path) -> Iterator[str]:
    """Texts that people may read; docstrings are not among them."""
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


@pytest.mark.parametrize("check_id", METADATA)
def test_a_dag_that_metadata_names_exists(check_id: str) -> None:
    meta = REGISTRY[check_id].metadata
    for text in (meta.remedy, meta.risk, meta.title):
        assert set(_ID.findall(text)) - NO_DAGS <= DAGS
        assert not NO_TOOL.search(text), text
        for word in _NAMED.findall(text):
            assert any(word in dag_id for dag_id in DAGS), text


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
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
