"""``make`` as the single entry point: its help is complete, and CI calls nothing else."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASKED_FOR = {"help", "demo", "up", "down", "test", "check", "bench"}


def make(*arguments: str) -> str:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


# Of test-scenarios, which starts both.
PARTS = {"test-scenarios-admins", "test-scenarios-users"}


def test_help_names_every_target() -> None:
    text = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    phony = set(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split())
    listed = set(re.findall(r"^  make ([a-z-]+) ", make("help"), re.MULTILINE))
    assert listed == phony - PARTS
    assert listed >= ASKED_FOR


def test_help_is_what_make_alone_does() -> None:
    assert make() == make("help")


@pytest.mark.parametrize("target", sorted(ASKED_FOR - {"help"}))
def test_every_target_installs_first(target: str, tmp_path: Path) -> None:
    steps = make("-n", target, f"VENV={tmp_path / 'venv'}")
    assert f"include/local/install.py {tmp_path / 'venv'} requirements.txt requirements-dev.txt" in steps


def test_every_test_file_is_in_one_group() -> None:
    """The scenarios have a target of their own."""
    steps = make("-n", "test-sandbox", "VENV=.venv")
    groups = [one.split() for one in re.findall(r"-m sandbox (tests.*?) \|\|", steps)]
    assert len(groups) > 1
    for path in (ROOT / "tests").rglob("test_*.py"):
        folders = {str(one.relative_to(ROOT)) for one in path.parents if one.is_relative_to(ROOT)}
        found = [
            group
            for group in groups
            if folders & set(group) and not {f"--ignore={folder}" for folder in folders} & set(group)
        ]
        assert len(found) == (0 if "tests/scenarios" in folders else 1), path


def test_the_approvals_can_be_left_to_a_person() -> None:
    assert "--approve me" in make("-n", "demo", "APPROVE=me")
    assert "--approve auto" in make("-n", "demo")


def test_a_port_is_passed_on_only_when_it_is_named() -> None:
    assert "--port 8081" in make("-n", "up", "PORT=8081")
    assert "--port" not in make("-n", "up")


def test_ci_runs_check_and_test_and_fails_when_one_of_them_does(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    fake = tmp_path / "make"
    fake.write_text(f'#!/bin/sh\necho "$1" >> {asked}\n[ "$1" != "$BROKEN" ] && [ "$1" != "$BROKEN_TOO" ]\n')
    fake.chmod(0o755)

    def ci(**broken: str) -> tuple[bool, list[str]]:
        asked.unlink(missing_ok=True)
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "BROKEN": "", "BROKEN_TOO": "", **broken}
        done = subprocess.run([ROOT / ".ci" / "run"], env=environment, capture_output=True, timeout=60)
        return done.returncode == 0, asked.read_text().split()

    assert ci() == (True, ["check", "test"])
    assert ci(BROKEN="check") == (False, ["check"])
    assert ci(BROKEN="test") == (True, ["check", "test", "test-again"])
    assert ci(BROKEN="test", BROKEN_TOO="test-again") == (False, ["check", "test", "test-again"])
