"""Every kind of finding that this package makes: it has a title, a section of the runbook, a remedy and a route."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from migration_ops.core.finding import FindingStatus, Route
from migration_ops.core.finding_kind import FindingKind
from migration_ops.runbook.alarms.drift import State
from migration_ops.runbook.alarms.findings import ALARM_KINDS, NOT_INSTALLED, finding_kind
from migration_ops.runbook.alarms.wanted import KINDS as ALARMS
from migration_ops.runbook.backup.kinds import BACKUP_KINDS, DRILL_KINDS, RESTORE_KINDS, TASK_KINDS
from migration_ops.runbook.checks.check import REGISTRY, load
from migration_ops.runbook.insights import QUERIES
from migration_ops.runbook.insights.kinds import insight_kinds, kind_of
from migration_ops.runbook.kinds import all_kinds, title_of
from migration_ops.runbook.reports.kinds import REPORT_KINDS
from migration_ops.runbook.scanners.findings import INGEST, PROWLER, SCANNER_KINDS, SECURITY_HUB, unknown_of
from migration_ops.runbook.sign_off import SIGN_OFF_KIND

load()
KINDS = all_kinds()
PACKAGES: dict[str, list[FindingKind]] = {
    "checks": [one.metadata for one in REGISTRY.values()],
    "alarms": list(ALARM_KINDS.values()),
    "backup": list(BACKUP_KINDS.values()),
    "restore": list(RESTORE_KINDS.values()),
    "drill": list(DRILL_KINDS.values()),
    "tasks": list(TASK_KINDS.values()),
    "queries": list(insight_kinds().values()),
    "sign-off": [SIGN_OFF_KIND],
    "scanners": list(SCANNER_KINDS.values()),
    "reports": list(REPORT_KINDS.values()),
}
EVERY = [one for package in PACKAGES.values() for one in package]
DOCUMENT = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = set(re.findall(r"^(?:#+|-) (.+)$", DOCUMENT, re.MULTILINE))
BAD = [one for one in FindingStatus if one is not FindingStatus.OK]


def test_ids_are_unique_over_all_packages_and_each_is_in_the_registry() -> None:
    assert [one for one, number in Counter(kind.check_id for kind in EVERY).items() if number > 1] == []
    assert {one.check_id: one for one in EVERY} == KINDS


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_is_empty(package: str) -> None:
    assert PACKAGES[package]


@pytest.mark.parametrize("check_id", KINDS)
def test_a_kind_says_all_that_people_need(check_id: str) -> None:
    kind = KINDS[check_id]
    assert kind.check_id == check_id
    assert kind.title.strip() == kind.title != ""
    assert isinstance(kind.route, Route)
    assert kind.section in SECTIONS or kind.section.rpartition(", ")[0] in SECTIONS
    assert [kind.remedy_for(status) for status in BAD if not kind.remedy_for(status).strip()] == []
    assert kind.remedy_for(FindingStatus.OK) == ""
    assert kind.missing_result("x").remedy.strip()


@pytest.mark.parametrize("name", ALARMS)
def test_each_kind_of_alarm_has_a_remedy_for_each_state(name: str) -> None:
    assert set(finding_kind(name).remedies) == {*State, NOT_INSTALLED}


@pytest.mark.parametrize("name", QUERIES)
def test_each_query_has_its_kind(name: str) -> None:
    assert kind_of(name).check_id == f"insights_{name}"


@pytest.mark.parametrize("product", [PROWLER, SECURITY_HUB, INGEST])
def test_each_scanner_can_be_unknown(product: str) -> None:
    assert unknown_of(product, "*", "x").title


@pytest.mark.parametrize("check_id", KINDS)
def test_a_notice_is_named_by_the_same_registry(check_id: str) -> None:
    assert title_of(check_id) == KINDS[check_id].title


def test_a_notice_of_an_earlier_version_is_named_by_its_id() -> None:
    assert title_of("queue_depth_of_before") == "Queue depth of before"
