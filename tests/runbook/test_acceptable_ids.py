"""Each finding that the package makes can be accepted by its id, and an id that nothing makes is a WARNING.

What there is comes from the modules themselves: a kind that is added anywhere fails here until acceptances know it.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import migration_ops
from migration_ops.core.accepted import GATES, Acceptance, Accepted
from migration_ops.core.config import read_config
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import FindingStatus
from migration_ops.core.finding_kind import FindingKind, KindTable
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook import acceptances, kinds
from migration_ops.runbook.checks import check

PACKAGE = Path(migration_ops.__file__).parent
ENTRY = {
    "resource": "*",
    "reason": "known",
    "who": "jane",
    "ticket": "OPS-1",
    "until": date(2999, 1, 1),
}


def kinds_in_modules() -> Iterator[tuple[str, str]]:
    """Module and check id of each kind that a module of the package holds by itself or in a table."""
    for one in pkgutil.walk_packages([str(PACKAGE)], "migration_ops."):
        if one.name.endswith("__main__"):
            continue
        for value in list(vars(importlib.import_module(one.name)).values()):
            held = value.values() if isinstance(value, KindTable) else [value]
            yield from ((one.name, kind.check_id) for kind in held if isinstance(kind, FindingKind))


def is_known(check_id: str) -> bool:
    entry = Acceptance.model_validate(ENTRY | {"check": check_id})

    class Reader:
        now = datetime(2026, 11, 27, tzinfo=UTC)
        config = read_config().model_copy(update={"accepted": Accepted(accepted=(entry,))})

    [one] = acceptances.read(Reader())["entries"]  # type: ignore[arg-type]
    return bool(one["isKnown"])


def makers(name: str, *, of: str) -> set[str]:
    """Modules that call a class which they import from ``of``."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = [one for one in ast.walk(tree) if isinstance(one, ast.ImportFrom) and one.module == of]
        calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and getattr(one.func, "id", "") == name]
        if calls and any(alias.name == name for one in imports for alias in one.names):
            found.add(".".join(("migration_ops", *path.relative_to(PACKAGE).with_suffix("").parts)))
    return found


MADE = dict(kinds_in_modules())
check.load()
EVERY = sorted({*(check_id for _, check_id in kinds_in_modules()), *check.REGISTRY, *kinds.all_kinds()})


def test_the_modules_hold_kinds_of_every_package() -> None:
    assert {one.split(".")[2] for one in MADE} >= {"alarms", "backup", "insights", "reports", "scanners", "sign_off"}


@pytest.mark.parametrize("check_id", [one for one in EVERY if not one.startswith(GATES)])
def test_each_finding_can_be_accepted_by_its_id(check_id: str) -> None:
    assert is_known(check_id)


def test_kinds_are_made_only_where_the_registry_looks() -> None:
    """A kind that is made inside of a function is in no module: its module must be one that the registry imports."""
    tree = ast.parse(Path(kinds.__file__).read_text(encoding="utf-8"))
    asked = {one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    assert makers("FindingKind", of="migration_ops.core.finding_kind") <= asked


def test_a_finding_is_made_by_its_kind_only() -> None:
    assert makers("Finding", of="migration_ops.core.finding") == {
        "migration_ops.core.accepted",
        "migration_ops.core.finding_kind",
    }


@pytest.mark.parametrize(
    "check_id",
    [
        "alarm_dead_leters",
        "alarm_",
        "backup_mode",
        "drill_rolback",
        "insights_x",
        "ledger_achived",
        "sqs_dead",
        "prowler:x",
        "x",
    ],
)
def test_an_id_that_nothing_makes_is_not_known(check_id: str) -> None:
    assert not is_known(check_id)
    entry: dict[str, Any] = {
        "name": check_id,
        "who": "jane",
        "ticket": "OPS-1",
        "reason": "known",
        "until": "2999-01-01",
        "daysLeft": 999,
        "isKnown": False,
    }
    snapshot = Snapshot({"acceptances": {"entries": [entry]}})
    [one] = check.Check("weekly", "accepted_findings_near_end").run(snapshot, Thresholds())
    assert one.verdict is FindingStatus.WARNING
