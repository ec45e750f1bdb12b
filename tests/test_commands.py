"""``python -m migration_ops``: it prints what the project keeps, and tells good from bad by its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from migration_ops.__main__ import COMMANDS, main

ROOT = Path(__file__).resolve().parents[1]
CONF = {"wave": "wave-1", "applications": [{"appName": "a", "servers": [{"sourceServerId": "s-0123456789abcdef0"}]}]}


def test_the_page_of_checks_is_the_one_in_docs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["checks"]) == 0
    kept = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == kept, "run: python -m migration_ops checks > docs/checks.md"


def test_the_schema_is_the_one_in_include(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conf-schema"]) == 0
    assert capsys.readouterr().out == (ROOT / "include" / "schemas" / "wave_conf.json").read_text(encoding="utf-8")


def test_a_conf_becomes_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wave.json"
    path.write_text(json.dumps(CONF))
    assert main(["plan", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "Order: `a`" in printed
    assert "Plan hash: " in printed


@pytest.mark.parametrize("text", ['{"wave": "w"}', '{"wave": "w", "surprise": 1}', "no JSON"])
def test_a_conf_that_is_refused_says_why(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wave.json"
    path.write_text(text)
    assert main(["plan", str(path)]) == 1
    assert capsys.readouterr().err.strip()


def test_a_file_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(tmp_path / "none.json")]) == 1
    assert "none.json" in capsys.readouterr().err


@pytest.mark.parametrize("given", [[], ["surprise"]])
def test_an_unknown_command_lists_those_there_are(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(given) == 2
    printed = capsys.readouterr().err
    assert [name for name in COMMANDS if name not in printed] == []


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_simulate_replays_a_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--seed", "3"]) == 0
    assert "seed 3" in capsys.readouterr().out


def test_simulate_without_the_checkout_says_where_it_must_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["simulate"]) == 2
    assert "root of a checkout" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["include.simulation", "--seed", "3"],
        ["include.simulation", "--schedules", "2", "--processes", "1"],
        ["tests.mutation", "--help"],
    ],
    ids=" ".join,
)
def test_a_command_of_the_makefile_finds_the_package_by_itself(command: list[str]) -> None:
    """As ``make replay``, ``make simulate`` and ``make mutation`` start it: nothing sets a path for them."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    started = [sys.executable, "-m", *command]
    run = subprocess.run(started, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-2000:]
