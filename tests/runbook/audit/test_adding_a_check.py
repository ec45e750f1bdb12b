"""The example in ``docs/adding-a-check.md`` is a check that works, and names what exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import Metadata

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "adding-a-check.md").read_text(encoding="utf-8")
CHECK_ID = "secretsmanager_secret_rotates_often"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def judged(secret: dict[str, Any]) -> Judgement | None:
    names: dict[str, Any] = {}
    exec(compile(block("python"), "adding-a-check.md", "exec"), names)
    found: Judgement | None = names["judge"](Facts(secret), Facts({}), Thresholds())
    return found


def test_its_metadata_is_valid(tmp_path: Path) -> None:
    path = tmp_path / f"{CHECK_ID}.json"
    path.write_text(block("json"), encoding="utf-8")
    assert Metadata.from_file(path).about == "secretsmanager.secrets"


@pytest.mark.parametrize(
    ("secret", "verdict"),
    [
        ({"rotates": True, "everyDays": 90}, FindingVerdict.OK),
        ({"rotates": True, "everyDays": 91}, FindingVerdict.WARNING),
        ({"rotates": True}, None),
        ({"rotates": False}, None),
    ],
)
def test_it_judges(secret: dict[str, Any], verdict: FindingVerdict | None) -> None:
    found = judged(secret)
    assert (found and found.verdict) == verdict


def test_the_files_that_the_page_names_exist() -> None:
    named = set(re.findall(r"`((?:plugins|include|tests)/[\w./-]+\.(?:py|json|yaml))`", PAGE))
    assert len(named) >= 5
    missing = {one for one in named if not (ROOT / one).exists() and CHECK_ID not in one}
    assert missing == set()
