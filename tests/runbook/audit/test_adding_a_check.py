"""The example in ``docs/adding-a-check.md`` is a check that works, and names what exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, FindingStatus
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import REGISTRY, Registered, load

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "adding-a-check.md").read_text(encoding="utf-8")
CHECK_ID = "secretsmanager_secret_rotates_often"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def registered() -> Iterator[Registered]:
    """The example as its page has it; gone again afterwards."""
    load()
    exec(compile(block("python"), "adding-a-check.md", "exec"), {})
    yield REGISTRY[CHECK_ID]
    del REGISTRY[CHECK_ID]


def test_its_metadata_is_valid(registered: Registered) -> None:
    meta = registered.metadata
    assert (meta.about, meta.chapter, meta.reads) == ("secretsmanager.secrets", "audit", ("secretsmanager",))
    assert meta.risk[-1] == meta.remedy[-1] == "."


@pytest.mark.parametrize(
    ("secret", "verdict"),
    [
        ({"rotates": True, "everyDays": 90}, FindingStatus.OK),
        ({"rotates": True, "everyDays": 91}, FindingStatus.WARNING),
        ({"rotates": True}, None),
        ({"rotates": False}, None),
    ],
)
def test_it_judges(registered: Registered, secret: dict[str, Any], verdict: FindingStatus | None) -> None:
    found = registered.judge(Snapshot(secret), Snapshot({}), Thresholds())
    assert found is None or isinstance(found, CheckResult)
    assert (found and found.verdict) == verdict


def test_the_files_that_the_page_names_exist() -> None:
    named = set(re.findall(r"`((?:plugins|include|tests)/[\w./-]+\.(?:py|json|yaml))`", PAGE))
    assert len(named) >= 5
    missing = {one for one in named if not (ROOT / one).exists() and CHECK_ID not in one}
    assert missing == set()
