"""A conf that cannot end within its run is refused with its path; so is a name that misleads who reads it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from migration_ops.core.field_text import s3_key_part
from migration_ops.wave.conf.limits import ROLLBACK_LIMIT, WAVE_LIMIT
from migration_ops.wave.conf.model import InvalidConfError, restore_conf
from migration_ops.wave.conf.rollback import parse_rollback_conf
from tests.dags.dag_files import dag
from tests.wave.builders import NOW, application, conf

DAY = 1_440


def refused(*applications: Any, **more: Any) -> dict[str, str]:
    """What is found, code by path."""
    with pytest.raises(InvalidConfError) as error:
        conf(*applications, **more)
    return {one["path"]: one["code"] for one in error.value.context["findings"]}


def later(days: float) -> str:
    return (NOW + timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"soakMinutes": 30 * DAY}, "soakMinutes"),
        ({"soakMinutes": 21 * DAY}, "soakMinutes"),
        ({"approvals": {"timeoutMinutes": 30 * DAY}}, "approvals.timeoutMinutes"),
        ({"replication": {"timeoutMinutes": 22 * DAY}}, "replication.timeoutMinutes"),
        ({"finalSync": {"timeoutMinutes": 22 * DAY}}, "finalSync.timeoutMinutes"),
        ({"cutoverWindow": {"opens": later(25)}}, "cutoverWindow.opens"),
        ({"cutoverWindow": {"opens": later(15)}, "soakMinutes": 10 * DAY}, "cutoverWindow.opens"),
        ({"cutoverWindow": {"opens": later(5)}, "soakMinutes": 17 * DAY}, "soakMinutes"),
        ({"soakMinutes": 15 * DAY, "approvals": {"timeoutMinutes": 7 * DAY}}, "approvals.timeoutMinutes"),
        ({"cutoverWindow": {"opens": later(20)}, "finalSync": {"timeoutMinutes": DAY}}, "finalSync.timeoutMinutes"),
    ],
)
def test_what_cannot_end_before_the_run_does_is_refused(more: dict[str, Any], path: str) -> None:
    assert refused(dryRun=False, **more).get(path) == "longer_than_the_run"


@pytest.mark.parametrize(
    "more",
    [
        {"soakMinutes": 14 * DAY, "approvals": {"timeoutMinutes": 3 * DAY}},
        {"approvals": {"timeoutMinutes": 20 * DAY}},
        {"soakMinutes": 19 * DAY, "approvals": {"finalize": False, "timeoutMinutes": 20 * DAY}},
        {"cutoverWindow": {"opens": later(14), "closes": later(15)}},
        {"cutoverWindow": {"opens": later(-300)}, "soakMinutes": 10 * DAY},
    ],
)
def test_what_can_is_taken(more: dict[str, Any]) -> None:
    assert conf(dryRun=False, **more)


def test_a_dry_run_may_be_made_long_before_its_window() -> None:
    assert conf(cutoverWindow={"opens": later(60)})
    assert refused(soakMinutes=30 * DAY) == {"soakMinutes": "longer_than_the_run"}


@pytest.mark.parametrize("more", [{}, {"changeCalendars": ["freeze"]}, {"closes": None}])
@pytest.mark.parametrize("days", [14.1, 15, 19.5])
def test_a_window_that_opens_after_its_wait_has_ended_is_refused(days: float, more: dict[str, Any]) -> None:
    window = {"opens": later(days), **more}
    assert refused(dryRun=False, cutoverWindow=window) == {"cutoverWindow.opens": "longer_than_the_wait"}
    # The approval of finalize, a day by default, comes after the calendars; they may open as late as it closes.
    assert conf(dryRun=False, cutoverWindow={**window, "closes": later(days + 0.2)})
    assert conf(cutoverWindow=window)


CALENDARS = {"changeCalendars": ["freeze"]}


@pytest.mark.parametrize("opens", [{}, {"opens": later(-1)}, {"opens": later(20)}])
@pytest.mark.parametrize("days", [20.8, 22, 300])
def test_calendars_that_are_waited_for_beyond_the_run_are_refused(days: float, opens: dict[str, str]) -> None:
    window = {**CALENDARS, **opens, "closes": later(days)}
    assert refused(dryRun=False, cutoverWindow=window) == {"cutoverWindow.closes": "longer_than_the_wait"}
    # A dry run waits for nothing, and without calendars the wait ends when the window opens.
    assert conf(cutoverWindow=window)
    assert conf(dryRun=False, cutoverWindow={**window, "opens": later(-1), "changeCalendars": []})


@pytest.mark.parametrize(
    ("window", "more", "path"),
    [
        ({"closes": later(12)}, {"soakMinutes": 9 * DAY}, "cutoverWindow.closes"),
        ({"closes": later(9)}, {"soakMinutes": 12 * DAY}, "soakMinutes"),
        ({}, {"soakMinutes": 7 * DAY}, "cutoverWindow.changeCalendars"),
        ({"opens": later(2)}, {"soakMinutes": 7 * DAY}, "cutoverWindow.changeCalendars"),
        ({"closes": later(20)}, {}, "approvals.timeoutMinutes"),
        ({"closes": later(20)}, {"finalSync": {"timeoutMinutes": DAY}}, "finalSync.timeoutMinutes"),
        ({}, {"approvals": {"timeoutMinutes": 7 * DAY}}, "approvals.timeoutMinutes"),
        ({"opens": later(25), "closes": later(30)}, {}, "cutoverWindow.opens"),
    ],
)
def test_what_comes_after_the_calendars_must_end_too(window: dict[str, Any], more: dict[str, Any], path: str) -> None:
    assert refused(dryRun=False, cutoverWindow={**CALENDARS, **window}, **more).get(path) == "longer_than_the_run"


@pytest.mark.parametrize("window", [{}, {"closes": later(14)}, {"opens": later(13)}, {"closes": later(19.7)}])
def test_calendars_that_can_open_in_time_are_taken(window: dict[str, Any]) -> None:
    assert conf(dryRun=False, cutoverWindow={**CALENDARS, **window})


def test_a_window_that_opens_within_its_wait_needs_no_end() -> None:
    assert conf(dryRun=False, cutoverWindow={"opens": later(14)})


def test_values_of_a_wrong_type_are_the_models_to_report() -> None:
    assert (
        "longer_than_the_run"
        not in refused(soakMinutes="x", approvals=[], replication={"timeoutMinutes": "9"}).values()
    )


@pytest.mark.parametrize("minutes", [30 * DAY, 3 * DAY])
def test_a_rollback_that_waits_longer_than_its_run_is_refused(minutes: float) -> None:
    with pytest.raises(InvalidConfError, match="timeoutMinutes"):
        parse_rollback_conf({"wave": "w", "reason": "r", "timeoutMinutes": minutes})
    assert parse_rollback_conf({"wave": "w", "reason": "r", "timeoutMinutes": 2 * DAY})


def test_the_limits_are_those_of_the_dags() -> None:
    assert dag("migration_wave").dagrun_timeout == WAVE_LIMIT
    assert dag("migration_rollback").dagrun_timeout == ROLLBACK_LIMIT


@pytest.mark.parametrize("text", ["1995840000", "1995840000.5", "+1995840000", "1e9", "253402300799000"])
def test_digits_are_no_time(text: str) -> None:
    for key in ("opens", "closes"):
        assert f"cutoverWindow.{key}" in refused(cutoverWindow={key: text})


def test_a_time_is_judged_in_every_spelling_that_is_taken() -> None:
    closes = NOW + timedelta(days=1)
    for opens in ("2026-05-06T12:00:00Z", "2026-05-06 12:00:00+00:00", "2026-05-06t14:00:00z", "2026-05-06_14:00Z"):
        found = refused(cutoverWindow={"opens": opens, "closes": closes.isoformat()})
        assert found == {"cutoverWindow.opens": "opens_after_closes"}, opens


INVISIBLE = [
    "a\x1b[31mb",
    "a\u202eb",
    "a\u200bb",
    "a\u2028b",
    "a\u2029b",
    "a\u00a0b",
    "a\u3000b",
    "a\x7fb",
    "a\x85b",
    "a\ufeffb",
    "a\ud800b",
]
ELSEWHERE = ["../../x", "a/b", "a\\\\b".replace("\\\\", "\\"), "..", "a..b", ".", "/"]


@pytest.mark.parametrize("name", INVISIBLE + ELSEWHERE)
def test_a_name_that_misleads_is_refused_where_it_stands(name: str) -> None:
    assert "wave" in refused(wave=name)
    found = refused(application("db", servers=(1,)), application(name, name, servers=(2,)))
    assert {"applications[1].appName", "applications[1].dependsOn[0]"} <= set(found)


@pytest.mark.parametrize("text", INVISIBLE)
def test_so_is_other_text_of_one_line(text: str) -> None:
    assert "changeTicket" in refused(changeTicket=text)
    assert "approvals.approvers[1]" in refused(approvals={"approvers": ["ann", text]})
    with pytest.raises(InvalidConfError):
        parse_rollback_conf({"applications": [text], "reason": "r"})


@pytest.mark.parametrize(
    "name", ["Welle Köln", "北京 1", "موجة", "wave-3", "v1.2", "a b", "Ωmega_(2)", "naïve", "हिन्दी", "a:b"]
)
def test_letters_of_every_script_stay(name: str) -> None:
    assert conf(application(name, servers=(1,)), wave=name, changeTicket="CHG/12").wave == name


def test_what_was_taken_before_is_still_restored_and_found() -> None:
    """A wave that is on its way during the upgrade, and its rollback."""
    document = conf().as_document() | {"wave": "old/name", "soakMinutes": 30 * DAY}
    assert restore_conf(document).wave == "old/name"
    assert parse_rollback_conf({"wave": "old/name", "reason": "r"}).wave == "old/name"


@pytest.mark.parametrize("name", ["..", ".", "../..", "a/../b", "\\..\\"])
def test_a_key_has_no_way_up(name: str) -> None:
    part = s3_key_part(name)
    assert "/" not in part
    assert part.strip(".")


def test_a_name_that_is_written_in_another_way_than_it_looks_is_refused() -> None:
    """``é`` as one character and as two: two applications that look alike on a sheet, or another wave to the ledger."""
    apart, whole = "cafe\u0301", "caf\u00e9"
    found = refused(application(apart, servers=(1,)), wave=apart)
    assert found == {"wave": "not_normalized", "applications[0].appName": "not_normalized"}
    assert conf(application(whole, servers=(1,)), wave=whole).wave == whole


def test_an_approver_whom_nobody_can_be_is_refused() -> None:
    """No user id begins or ends with a space: at night nobody could answer."""
    for name in (" ann", "ann ", " "):
        assert refused(approvals={"approvers": [name]}) == {"approvals.approvers[0]": "outer_space"}
