"""The demo's own decisions: which conf it sends, what it answers, what it prints as the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from include.local.approvals import answer_of
from include.local.demo import load_conf, markdown_of
from include.local.errors import LocalError
from include.local.screen import PlainScreen

ENDPOINTS = {"SANDBOX_CALLBACK_URL": "http://127.0.0.1:3"}


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["Approve", "Reject"], "Approve"),
        (["Reject", "Approve"], "Approve"),
        (["Retry", "Roll back", "Leave"], "Roll back"),
        (["Retry", "Leave"], "Leave"),
        (["OK"], "OK"),
    ],
)
def test_it_approves_and_after_a_failure_takes_the_safe_way_out(options: list[str], chosen: str) -> None:
    assert answer_of(options) == chosen


@pytest.mark.parametrize("given", [{"wave": "w"}, {"wave": "w", "callbackUrl": None}])
def test_callbacks_go_to_the_sandbox(tmp_path: Path, given: dict[str, str | None]) -> None:
    file = tmp_path / "wave.json"
    file.write_text(json.dumps(given))
    assert load_conf(file, ENDPOINTS) == {"wave": "w", "callbackUrl": "http://127.0.0.1:3/migrations"}


def test_a_callback_url_of_the_waves_own_stays(tmp_path: Path) -> None:
    file = tmp_path / "wave.json"
    file.write_text('{"callbackUrl": "https://itsm.example.com"}')
    assert load_conf(file, ENDPOINTS)["callbackUrl"] == "https://itsm.example.com"


@pytest.mark.parametrize("text", [None, "{", "[]"], ids=["no file", "no JSON", "no object"])
def test_a_wave_that_cannot_be_read_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "wave.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(LocalError, match=r"wave\.json"):
        load_conf(file, ENDPOINTS)


@pytest.mark.parametrize(
    ("report", "shown"),
    [({"markdown": "# Done"}, "# Done"), ("# Done", "# Done"), ({"a": 1}, '{\n  "a": 1\n}'), (None, "null")],
)
def test_the_report_is_shown_in_whatever_form_it_came(report: object, shown: str) -> None:
    assert markdown_of(report) == shown


def test_a_page_without_a_terminal_is_read_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    PlainScreen().document("Wave report", r"TEST\_LAUNCHING 6 at 2026\-11\-24T11:50, C:\temp")
    assert "TEST_LAUNCHING 6 at 2026-11-24T11:50, C:\\temp" in capsys.readouterr().out
