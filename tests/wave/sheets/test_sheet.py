"""The evidence sheets: who is ready, what voids an approval, and that text from outside stays text."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration_ops.core.errors import InvalidInput
from migration_ops.core.markdown import code, plain, table
from migration_ops.core.verdict import Check, Verdict
from migration_ops.wave.rules.window import judge_window
from migration_ops.wave.sheets.sheet import Sheet, finalize_sheet, go_no_go_sheet
from tests.wave.builders import NOW, application, plan, server_id, three_applications

PLAN = three_applications(
    changeTicket="CHG1", cutoverWindow={"opens": "2026-05-04T22:00:00Z", "changeCalendars": ["freeze"]}
)


def check(verdict: str = "OK", subject: str = "s", name: str = "lag_seconds", **more: Any) -> dict[str, Any]:
    return Check(name, subject, Verdict(verdict), **more).as_document()


def rows(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    """One good row per application, with changes by application name."""
    good = [
        {
            "appName": one.app_name,
            "servers": [
                {"sourceServerId": server, "lagSeconds": 3.2, "instanceId": f"i-{server[2:]}"}
                for server in one.server_ids
            ],
            "gates": [check(subject=server, value=3.2, limit=600) for server in one.server_ids],
            "tests": [check(subject=server, name="boot") for server in one.server_ids],
        }
        for one in PLAN.applications
    ]
    return [row | changes.get(str(row["appName"]), {}) for row in good]


def sheet(**changes: dict[str, Any]) -> Sheet:
    return go_no_go_sheet(PLAN, rows(**changes))


def test_all_good_is_all_ready() -> None:
    found = sheet()
    assert found.ready == ["other", "db", "app", "web"]
    assert found.left_out == {}
    assert "4 of 4 applications are ready" in found.markdown
    assert json.loads(json.dumps(found.document)) == found.document


def test_why_an_application_is_left_out_is_told_with_value_and_limit() -> None:
    """In lines of their own: in a last column of a table Airflow's narrow page cuts it off."""
    late = check("BLOCKED", reason="lag is 900 s", value=900.0, limit=600)
    text = sheet(other={"gates": [late]}).markdown
    assert "- `other` ⛔ BLOCKED `lag_seconds` of `s`: lag is 900 s (value `900.0`, limit `600`)" in text
    text = sheet(other={"excluded": "rolled back by ann", "gates": [late]}).markdown
    assert "- `other` ⛔ BLOCKED rolled back by ann" in text
    assert "lag is 900 s" in text
    text = sheet(db={"gates": [late]}).markdown
    assert "- `app` ⛔ BLOCKED needs db, which is left out" in text
    assert max(line.count("|") for line in text.splitlines()) <= 9, "a wider table does not fit beside the buttons"


def test_the_limits_of_the_lag_stand_beside_it() -> None:
    limits = {"replication": {"maxLagSeconds": 450}, "finalSync": {"maxLagSeconds": 45}}
    planned = three_applications(**limits)
    text = go_no_go_sheet(planned, rows()).markdown
    assert "at most 450 s to be ready, at most 45 s when the cutover instances are launched" in text
    assert "at most" not in finalize_sheet(planned, rows()).markdown


@pytest.mark.parametrize(
    ("change", "verdict", "why"),
    [
        ({"gates": [check("BLOCKED", reason="lag is 900 s")]}, "BLOCKED", "lag is 900 s"),
        (
            {"tests": [check("UNKNOWN", name="boot", reason="first boot is WAITING")]},
            "UNKNOWN",
            "first boot is WAITING",
        ),
        ({"gates": [check("UNKNOWN", reason="a"), check("BLOCKED", reason="b")]}, "BLOCKED", "b"),
        ({"gates": [], "tests": []}, "UNKNOWN", "nothing was checked"),
        ({"gates": [{"name": "x", "subject": "s"}]}, "UNKNOWN", "x of s"),
        ({"excluded": "rolled back by ann"}, "BLOCKED", "rolled back by ann"),
        ({"window": judge_window(None, NOW, NOW).check.as_document()}, "BLOCKED", "closed"),
    ],
)
def test_what_is_not_good_is_left_out_and_named(change: dict[str, Any], verdict: str, why: str) -> None:
    found = sheet(other=change)
    assert found.ready == ["db", "app", "web"]
    assert why in found.left_out["other"]
    (row,) = [one for one in found.document["applications"] if one["appName"] == "other"]
    assert row["verdict"] == verdict
    assert verdict in found.markdown


def test_an_application_without_a_row_is_unknown() -> None:
    found = go_no_go_sheet(PLAN, [row for row in rows() if row["appName"] != "other"])
    assert found.left_out == {"other": "nothing was checked"}


def test_a_window_that_opens_later_keeps_nobody_out() -> None:
    later = judge_window(NOW.replace(hour=23), None, NOW).check.as_document()
    assert sheet(other={"window": later}).ready == sheet().ready


def test_who_needs_one_that_is_left_out_is_left_out() -> None:
    found = sheet(db={"gates": [check("UNKNOWN")]})
    assert found.ready == ["other"]
    assert set(found.left_out) == {"db", "app", "web"}
    assert "db" in found.left_out["web"]


def test_finalizing_goes_by_application() -> None:
    found = finalize_sheet(PLAN, rows(db={"tests": [check("BLOCKED", name="boot")]}))
    assert found.ready == ["other", "app", "web"]
    assert "no way back" in found.markdown
    assert found.digest != sheet(db={"tests": [check("BLOCKED", name="boot")]}).digest


@pytest.mark.parametrize(
    "change",
    [
        {"servers": [{"sourceServerId": server_id(3), "lagSeconds": 99.0, "instanceId": f"i-{server_id(3)[2:]}"}]},
        {"gates": [check(subject=server_id(3), value=59.0, limit=600, reason="lag 59 s")]},
        {"facts": {"readAt": "2026-05-04T12:00:01Z"}},
        {"window": judge_window(None, None, NOW).check.as_document()},
    ],
)
def test_numbers_and_times_do_not_void_an_approval(change: dict[str, Any]) -> None:
    assert sheet(other=change).digest == sheet().digest


@pytest.mark.parametrize(
    "change",
    [
        {"servers": [{"sourceServerId": server_id(3), "instanceId": "i-0other"}]},
        {"servers": []},
        {"gates": [check("BLOCKED", subject=server_id(3))]},
        {"gates": [check(subject=server_id(3)), check(name="another")]},
        {"tests": []},
        {"excluded": "by ann"},
    ],
)
def test_verdicts_and_instances_void_an_approval(change: dict[str, Any]) -> None:
    assert sheet(other=change).digest != sheet().digest


def test_another_plan_voids_an_approval() -> None:
    one, other = plan(), plan(soakMinutes=5)
    row = [{"appName": "billing", "gates": [check()]}]
    assert go_no_go_sheet(one, row).digest == go_no_go_sheet(one, deepcopy(row)).digest
    assert go_no_go_sheet(one, row).digest != go_no_go_sheet(other, row).digest


def test_the_order_in_which_checks_were_made_is_no_change() -> None:
    turned = [row | {"gates": row["gates"][::-1], "tests": row["tests"][::-1]} for row in rows()]
    assert go_no_go_sheet(PLAN, turned[::-1]).digest == sheet().digest


@pytest.mark.parametrize("extra", [{"appName": "ghost"}, {"appName": "db"}, {}])
def test_a_row_of_nobody_is_refused(extra: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        go_no_go_sheet(PLAN, [*rows(), extra])


def test_the_worst_lag_of_which_one_is_unknown_is_unknown() -> None:
    servers = [{"sourceServerId": server_id(1), "lagSeconds": 7.0}, {"sourceServerId": server_id(2), "lagSeconds": 9.4}]
    assert "| 9 s |" in sheet(web={"servers": servers}).markdown
    assert "unknown" in sheet(web={"servers": servers[:1]}).markdown


def test_long_waves_stay_readable() -> None:
    large = plan(application("a", servers=tuple(range(200))))
    gates = [check("BLOCKED", subject=one) for one in large.server_ids]
    found = go_no_go_sheet(large, [{"appName": "a", "gates": gates}])
    assert "and 150 more servers" in found.markdown
    assert "and 100 more" in found.markdown
    assert len(found.document["applications"][0]["servers"]) == 200
    assert len(found.markdown) < 60_000


HOSTILE = [
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "a | b",
    "a \\| b",
    "`code` **bold**",
    "line\n\n# heading",
    "\u202eevil\u202c",
    "https://evil.example/",
    "www.evil.example",
    "ann@evil.example",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_stays_text(text: str) -> None:
    hostile = [{"appName": "billing", "gates": [check("BLOCKED", subject=text, reason=text)], "facts": {text: text}}]
    markdown = go_no_go_sheet(plan(changeTicket="CHG1"), hostile).markdown
    outside_code = re.sub(r"`[^`\n]*`", "", markdown)
    assert "<script" not in outside_code
    assert "](" not in re.sub(r"\\.", "", outside_code)
    assert "**bold**" not in outside_code
    assert "# heading" not in [line.strip() for line in markdown.splitlines()]
    assert "\u202e" not in markdown
    assert not re.search(r"://|www\.\w|\w@\w", outside_code)
    for line in markdown.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in {5, 9}


@given(st.text(max_size=400))
def test_any_text_is_one_inert_cell(text: str) -> None:
    for cell in (code(text), plain(text)):
        line = table(["a"], [[cell]]).splitlines()
        assert len(line) == 3
        # A backslash before a bar is only an escape when it is not escaped itself.
        assert len(re.findall(r"\|", re.sub(r"\\[\\|]", "", line[2]))) == 2
    assert code(text).count("`") in {0, 2}
    assert "<" not in plain(text)
