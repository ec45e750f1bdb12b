"""A finding that somebody accepted is a WARNING until its day, and red again after it; nothing else becomes quieter."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from migration_ops.core.accepted import Acceptance, Accepted, apply
from migration_ops.core.config import DIRECTORY, read_config
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import Finding, FindingStatus, Route
from migration_ops.core.thresholds import Thresholds
from migration_ops.operators.runbook.base import FINDINGS_KEY, FindingsOperator
from migration_ops.runbook import acceptances
from migration_ops.runbook.checks.check import Check
from migration_ops.runbook.reports.notify import route_of

CRITICAL, UNKNOWN, WARNING, OK = FindingStatus
TODAY = date(2026, 11, 27)
ENTRY = {
    "check": "role_admin",
    "resource": "deploy-*",
    "reason": "replaced with the new pipeline",
    "who": "jane",
    "ticket": "OPS-1",
    "until": "2026-11-27",
}


def found(verdict: FindingStatus, resource: str = "deploy-1", check: str = "role_admin") -> Finding:
    return Finding(check, resource, verdict, reason="may do all", route=Route.PAGE, section="Monthly")


def accepting(*findings: Finding, **changed: Any) -> list[Finding]:
    return apply(findings, Accepted.model_validate({"accepted": [ENTRY | changed]}), TODAY)


@pytest.mark.parametrize("verdict", [CRITICAL, WARNING])
def test_it_is_a_warning_that_says_who_and_until_when(verdict: FindingStatus) -> None:
    [one] = accepting(found(verdict))
    assert one.verdict is WARNING
    assert one.reason.startswith("accepted until 2026-11-27 by jane: replaced with the new pipeline (OPS-1)")
    assert "may do all" in one.reason
    assert one.key == found(verdict).key
    assert route_of(one) is Route.WARN


def test_after_its_day_it_is_red_again() -> None:
    assert accepting(found(CRITICAL), until="2026-11-26") == [found(CRITICAL)]


@pytest.mark.parametrize("other", [found(CRITICAL, "Deploy-1"), found(CRITICAL, "x-deploy-1"), found(CRITICAL, "*")])
def test_another_resource_stays_as_it_is(other: Finding) -> None:
    assert other in accepting(other, found(CRITICAL))


def test_another_check_stays_as_it_is() -> None:
    other = found(CRITICAL, check="role_trust")
    assert accepting(other) == [other]


def test_unknown_cannot_be_accepted() -> None:
    assert accepting(found(UNKNOWN)) == [found(UNKNOWN)]
    assert accepting(found(UNKNOWN, "*"), resource="*") == [found(UNKNOWN, "*")]


@pytest.mark.parametrize("beside", [found(OK), found(CRITICAL, "other"), found(OK, "*")])
def test_one_that_matches_nothing_is_reported(beside: Finding) -> None:
    first, unused = accepting(beside)
    assert first == beside
    assert (unused.verdict, unused.check_id, unused.resource) == (WARNING, "role_admin", "accepted.yaml: deploy-*")
    assert "jane" in unused.reason
    assert unused.remedy


def test_whether_it_matches_is_not_known_while_something_could_not_be_read() -> None:
    assert accepting(found(UNKNOWN, "*"), found(OK)) == [found(UNKNOWN, "*"), found(OK)]


def test_one_that_has_ended_is_not_reported_here() -> None:
    assert accepting(found(OK), until="2026-11-26") == [found(OK)]


class TestFile:
    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        return Path(copytree(DIRECTORY, tmp_path / "config"))

    def test_the_shipped_one_accepts_nothing_and_its_example_is_right(self, directory: Path) -> None:
        assert read_config(directory).accepted == Accepted()
        path = directory / "accepted.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("\n#  ", "\n  "), encoding="utf-8")
        [one] = read_config(directory).accepted.accepted
        assert (one.check, one.until) == ("iam_role_administratoraccess_policy", date(2027, 3, 31))

    def test_without_the_file_nothing_is_accepted(self, directory: Path) -> None:
        (directory / "accepted.yaml").unlink()
        assert read_config(directory).accepted == Accepted()

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("accepted: [", "cannot be read"),
            ("- check: x", "valid dictionary"),
            ("[]", "valid dictionary"),
            ("accepted: no", "accepted"),
            ("accepted:\n- {check: a, resource: b, reason: c, who: d, ticket: e}", "accepted.0.until"),
            ("accepted:\n- {check: a, resource: b, reason: c, who: d, ticket: e, until: soon}", "accepted.0.until"),
            ("accepted:\n- {check: a, resource: b, reason: ' ', who: d, ticket: e, until: 2027-01-01}", "reason"),
            ("accepted:\n- {check: a, resource: b, reason: c, who: d, until: 2027-01-01}", "accepted.0.ticket"),
            (
                "accepted:\n- {check: restore_compare, resource: b, reason: c, who: d, ticket: e, until: 2027-01-01}",
                "c",
            ),
            ("accepted: []\nmore: 1", "more"),
        ],
    )
    def test_one_that_is_wrong_is_named_with_its_path(self, directory: Path, text: str, said: str) -> None:
        path = directory / "accepted.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInputError, match=said) as caught:
            read_config(directory)
        assert caught.value.context["path"] == str(path)
        assert "Correct the conf" not in caught.value.hint

    def test_a_file_that_is_not_there_is_not_sought_in_the_conf(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInputError, match="FileNotFoundError") as caught:
            read_config(tmp_path)
        assert "Correct the conf" not in caught.value.hint


class Instance:
    """What a task instance keeps."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.kept[key] = value


def test_every_task_that_finds_something_asks_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    directory = Path(copytree(DIRECTORY, tmp_path / "config"))
    monkeypatch.setenv("MIGRATION_OPS_CONFIG_DIRECTORY", str(directory))
    task, ti = FindingsOperator(task_id="check"), Instance()
    with pytest.raises(AirflowFailException):
        task.publish(ti, [found(CRITICAL)])
    held = "\n".join(f"  {name}: {value!r}" for name, value in (ENTRY | {"until": "2999-01-01"}).items())
    (directory / "accepted.yaml").write_text(f"accepted:\n- {held.strip()}\n", encoding="utf-8")
    assert task.publish(ti, [found(CRITICAL)])["verdict"] == "WARNING"
    assert [one["verdict"] for one in ti.kept[FINDINGS_KEY]] == ["WARNING"]


@pytest.mark.parametrize(
    ("check", "until", "verdict"),
    [
        ("sqs_dead_letter_depth", "2026-12-11", WARNING),
        ("sqs_dead_letter_depth", "2026-12-12", OK),
        ("sqs_dead_letter_depth", "2026-11-27", WARNING),
        ("sqs_dead_letter_depth", "2026-11-26", WARNING),
        ("alarm_dead_letters", "2999-01-01", OK),
        ("sqs_dead_leter_depth", "2999-01-01", WARNING),
    ],
)
def test_the_weekly_review_lists_what_ends_soon(check: str, until: str, verdict: FindingStatus) -> None:
    entry = Acceptance.model_validate(ENTRY | {"check": check, "until": until})

    class Reader:
        now = datetime(2026, 11, 27, 23, 59, tzinfo=UTC)
        config = read_config().model_copy(update={"accepted": Accepted(accepted=(entry,))})

    read = acceptances.read(Reader())  # type: ignore[arg-type]
    [one] = Check("weekly", "accepted_findings_near_end").run(Snapshot({"acceptances": read}), Thresholds())
    assert (one.verdict, one.resource) == (verdict, f"{check} deploy-*")
