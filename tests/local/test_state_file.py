"""What one shell writes, another reads and ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from include.local import processes, running, state_file
from include.local.errors import LocalError
from include.local.processes import Command


def begin(home: Path) -> state_file.StackState:
    arguments = [sys.executable, "-c", "import time; time.sleep(60)"]
    _, session = processes.start(Command("scheduler", arguments, dict(os.environ), home, home / "log"))
    state = state_file.StackState(ui_url="http://127.0.0.1:1", sessions=[session])
    state.write(home)
    return state


def test_it_reads_back_as_written(tmp_path: Path) -> None:
    state = begin(tmp_path)
    try:
        assert state_file.read(tmp_path) == state
    finally:
        processes.stop(state.sessions)


def test_another_shell_stops_it(tmp_path: Path) -> None:
    state = begin(tmp_path)
    assert state.is_running()
    assert running.stop_home(tmp_path) is True
    assert not state.is_running()
    assert state_file.read(tmp_path) is None


def test_stopping_what_is_not_there_is_fine(tmp_path: Path) -> None:
    assert running.stop_home(tmp_path) is False


def test_a_second_stack_in_the_same_home_is_refused(tmp_path: Path) -> None:
    state = begin(tmp_path)
    try:
        with pytest.raises(LocalError, match=r"runs in .* already .*127\.0\.0\.1:1"):
            running.refuse_second(tmp_path)
    finally:
        processes.stop(state.sessions)
    running.refuse_second(tmp_path)  # its remains are no obstacle
