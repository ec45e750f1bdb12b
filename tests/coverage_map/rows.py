"""The rows of the map, from the code's own registries: what is registered there has a row, whoever forgets it here."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from functools import cache
from pathlib import Path

from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger

from migration_ops import operators
from migration_ops.runbook.alarms.wanted import KINDS as ALARMS
from migration_ops.runbook.insights import QUERIES
from migration_ops.wave.steps.registry import STEPS
from migration_ops.wave.waits.conditions import CONDITIONS
from tests.runbook.estates import chapters

ROOT = Path(__file__).resolve().parents[2]


@cache
def rows() -> dict[str, dict[str, frozenset[str]]]:
    """By kind: the words by which a test can speak of a row, by the row's name."""
    return {
        "steps": {name: frozenset({name}) for name in STEPS},
        "operators": {name: frozenset({name}) for name in _operators()},
        "conditions": {one.__name__: frozenset({one.__name__, topic.name}) for topic, one in CONDITIONS.items()},
        "checks": {name: frozenset({name}) for chapter in chapters().values() for name in chapter.check_ids},
        "alarms": {name: frozenset({name, name.upper()}) for name in ALARMS},
        "queries": {name: frozenset({name}) for name in QUERIES},
    }


def _operators() -> list[str]:
    """Operators, sensors and triggers of the package, without the bases that nobody uses but their subclasses."""
    classes: list[type] = []
    for found in pkgutil.walk_packages(operators.__path__, f"{operators.__name__}."):
        module = importlib.import_module(found.name)
        classes += [
            one
            for one in vars(module).values()
            if isinstance(one, type) and issubclass(one, BaseOperator | BaseTrigger) and one.__module__ == found.name
        ]
    bases = {base for one in classes for base in one.__mro__[1:]}
    made = _called()
    return sorted(one.__name__ for one in classes if one not in bases or one.__name__ in made)


def _called() -> set[str]:
    """Names that code of the package or a DAG calls."""
    found: set[str] = set()
    for directory in ("plugins", "dags"):
        for path in (ROOT / directory).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    found |= {one.id for one in ast.walk(node.func) if isinstance(one, ast.Name)}
    return found
