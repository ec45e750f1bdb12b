"""docs/runbook.md gives each step of the original runbook a home that exists, or says that it has none yet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from migration_ops.core.finding import WORST_FIRST
from tests.dags.dag_files import dag, dag_ids
from tests.runbook.estates import chapters

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
STEPS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("runbook_steps.yaml").read_text())["steps"]
IDS = [one["id"] for one in STEPS]
# First and last line in the original of what must be covered.
CHAPTERS_OF_THE_ORIGINAL = {
    "Daily Operations": (15, 86),
    "Monitoring & Alerts": (90, 164),
    "Performance Tuning": (524, 582),
    "Maintenance Tasks": (586, 677),
    "Contact & Escalation": (681, 699),
}
LATER_ISSUE = ("Incident Response", "Troubleshooting", "Common Issues & Solutions")
NOT_BUILT = "## Not built yet"
CONFIG = ROOT / "include" / "config"


@dataclass(frozen=True)
class Row:
    """One line of a table: a step, and by home (a DAG, or a file of the configuration) what of it is named."""

    section: str
    text: str
    homes: dict[str, list[str]]


@cache
def rows() -> dict[str, Row]:
    found: dict[str, Row] = {}
    section = ""
    for line in DOCUMENT.partition(NOT_BUILT)[0].splitlines():
        if line.startswith("### "):
            section = line[4:]
        cells = [one.strip() for one in line.strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == 6:
            step = cells[0].strip("` ")
            assert step not in found, f"{step} has two lines"
            found[step] = Row(section, line, _homes(cells[4], cells[5]))
    return found


def _homes(homes: str, names: str) -> dict[str, list[str]]:
    where = re.findall(r"\[`([\w.]+)`\]\(\.\./(?:dags|include/config)/[\w.]+\)", homes)
    named = [re.findall(r"`([\w.]+)`", one) for one in names.split("<br>")]
    return dict(zip(where, named, strict=True)) if where else {}


@cache
def not_built() -> dict[str, str]:
    """Step -> DAG of the design that it waits for."""
    return dict(re.findall(r"^\| `([\w-]+)` \| `(\w+)` \|", DOCUMENT.partition(NOT_BUILT)[2], re.MULTILINE))


@cache
def names_of(home: str) -> set[str]:
    """What a step may name in a DAG: its tasks, its chapter's checks, its alarms, queries or questions."""
    if home.endswith(".yaml"):
        return set(yaml.safe_load((CONFIG / home).read_text(encoding="utf-8")))
    text = (ROOT / "dags" / f"{home}.py").read_text(encoding="utf-8")
    found = {task_id.rsplit(".", 1)[-1] for task_id in dag(home).task_ids}
    for name in re.findall(r"CHAPTERS\[(\w+)\]", text):
        found |= set(chapters()[name.lower()].check_ids)
    if home == "runbook_alarms":
        from migration_ops.runbook.alarms.wanted import KINDS

        found |= set(KINDS)
    if home == "runbook_log_insights":
        found |= {path.stem for path in (ROOT / "include" / "queries").glob("*.cwli")}
    if home == "runbook_annual_review":
        found |= {one["id"] for one in yaml.safe_load((CONFIG / "annual_review.yaml").read_text())["items"]}
    return found


def test_the_list_of_steps_is_in_order_and_within_its_chapters() -> None:
    assert len(set(IDS)) == len(IDS)
    assert {one["section"].split(",")[0] for one in STEPS} == set(CHAPTERS_OF_THE_ORIGINAL)
    last = 0
    for one in STEPS:
        first, end = one["lines"]
        chapter = CHAPTERS_OF_THE_ORIGINAL[one["section"].split(",")[0]]
        assert last < first <= end, one["id"]
        assert chapter[0] <= first <= end <= chapter[1], one["id"]
        last = end


def test_the_tables_have_these_steps_and_no_other() -> None:
    assert list(rows()) == IDS


@pytest.mark.parametrize("step", STEPS, ids=IDS)
class TestStep:
    def test_it_stands_in_its_section_and_names_its_lines(self, step: dict[str, Any]) -> None:
        row = rows()[step["id"]]
        assert row.section == step["section"]
        first, end = step["lines"]
        assert (f"(L{first})" if first == end else f"(L{first}–{end})") in row.text

    def test_it_has_a_home_or_is_listed_as_not_built(self, step: dict[str, Any]) -> None:
        homes = rows()[step["id"]].homes
        assert bool(homes) != (step["id"] in not_built())
        assert all(homes.values()), "a home without a name leads nowhere"

    def test_its_home_exists(self, step: dict[str, Any]) -> None:
        for home, names in rows()[step["id"]].homes.items():
            assert home in dag_ids() or (CONFIG / home).is_file(), home
            assert set(names) <= names_of(home), f"{home} has no {set(names) - names_of(home)}"


@pytest.mark.parametrize(("step", "home"), not_built().items())
def test_what_is_not_built_really_is_not(step: str, home: str) -> None:
    assert step in IDS
    assert home == "none" or home not in dag_ids(), f"{home} is there: give {step} its home"


def test_the_document_counts_what_has_a_home() -> None:
    assert f"{len(IDS) - len(not_built())} of {len(IDS)} steps have a home." in DOCUMENT


CHECKS = [check for chapter in chapters().values() for check in chapter.checks]


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: f"{one.chapter}.{one.check_id}")
def test_the_section_that_a_finding_names_is_in_the_document(check: Any) -> None:
    assert re.search(rf"^(### |- ){re.escape(check.metadata.section)}$", DOCUMENT, re.MULTILINE)


def test_so_is_the_section_of_findings_that_are_no_checks() -> None:
    """Alarms, queries, backups, drills: their sections are constants of the code."""
    sources = [*(ROOT / "plugins").rglob("*.py"), *(ROOT / "dags").glob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    named = set(re.findall(r'^\w*SECTION = "(.+)"$', text, re.MULTILINE))
    assert len(named) >= 3
    assert {one for one in named if not re.search(rf"^(### |- ){re.escape(one)}$", DOCUMENT, re.MULTILINE)} == set()


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: f"{one.chapter}.{one.check_id}")
def test_the_document_names_every_check(check: Any) -> None:
    """As the home of a step, or among what is judged beyond the runbook."""
    assert f"`{check.check_id}`" in DOCUMENT


def test_what_goes_beyond_the_runbook_is_where_it_says() -> None:
    beyond = DOCUMENT.partition("## Beyond the runbook")[2].partition("\n## ")[0]
    for check_id, home in re.findall(r"^\| `(\w+)` \| \[`(\w+)`\]", beyond, re.MULTILINE):
        assert check_id in names_of(home), f"{home} has no {check_id}"


def test_the_annual_review_asks_in_the_sections_of_the_runbook() -> None:
    items = yaml.safe_load((CONFIG / "annual_review.yaml").read_text())["items"]
    homes = {name for row in rows().values() for name in row.homes.get("runbook_annual_review", [])}
    assert {one["id"] for one in items} == homes
    assert {one["section"] for one in items} <= {one["section"] for one in STEPS}


@pytest.mark.parametrize("chapter", LATER_ISSUE)
def test_what_comes_later_is_named_as_such(chapter: str) -> None:
    later = DOCUMENT.partition("## Not part of the scheduled work")[2].partition("\n## ")[0]
    assert f'"{chapter}"' in later


def test_every_verdict_is_explained() -> None:
    assert all(f"**{verdict}**" in DOCUMENT for verdict in WORST_FIRST)
