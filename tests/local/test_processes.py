"""Everything a command forks ends with it: groups of its own, ignored SIGTERM, a dead leader, a dead owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from include.local import processes
from include.local.processes import Command, Session
from include.local.stack import ROOT

GRANDCHILD = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {child!r}])
print(child.pid, flush=True)
{after}
"""
SLEEP = "import time; time.sleep(60)"
OWN_GROUP = "import os, time; os.setpgid(0, 0); time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def wait_for(look: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def begin(tmp_path: Path, code: str) -> tuple[subprocess.Popen[bytes], Session, int]:
    """Starts a parent that starts one child; the child's pid too."""
    log = tmp_path / "log"
    process, session = processes.start(Command("lab", [sys.executable, "-c", code], dict(os.environ), tmp_path, log))
    assert wait_for(lambda: log.exists() and log.read_text().strip().isdigit()), "the child did not start"
    return process, session, int(log.read_text())


@pytest.mark.parametrize("child", [SLEEP, OWN_GROUP, DEAF], ids=["plain", "own group", "ignores SIGTERM"])
def test_stop_ends_parent_and_child(tmp_path: Path, child: str) -> None:
    process, session, child_pid = begin(tmp_path, GRANDCHILD.format(child=child, after=SLEEP))
    time.sleep(0.3)  # until the child has done what its case is about
    processes.stop([session], grace_seconds=0.5)
    process.wait(timeout=5)
    assert not psutil.pid_exists(child_pid) or psutil.Process(child_pid).status() == psutil.STATUS_ZOMBIE
    assert processes.members(session) == []


def test_orphans_of_a_dead_leader_are_found(tmp_path: Path) -> None:
    process, session, child_pid = begin(tmp_path, GRANDCHILD.format(child=SLEEP, after=""))
    process.wait(timeout=5)
    assert [member.pid for member in processes.members(session)] == [child_pid]
    processes.stop([session], grace_seconds=2)
    assert processes.members(session) == []


def test_a_pid_given_to_somebody_else_is_left_alone(tmp_path: Path) -> None:
    process, session, _ = begin(tmp_path, GRANDCHILD.format(child=SLEEP, after=SLEEP))
    try:
        older = replace(session, started_at=session.started_at - 3600)
        assert processes.members(older) == []
        processes.stop([older])
        assert len(processes.members(session)) == 2
    finally:
        processes.stop([session], grace_seconds=2)
        process.wait(timeout=5)


OWNER = """
import os, sys, time
from pathlib import Path
from include.local import processes
from include.local.supervisor import Reaper
from include.local.stack import ROOT
reaper = Reaper(ROOT)
here = Path(sys.argv[1])
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
command = processes.Command("lab", sleep, dict(os.environ), here, here / "log")
process, session = processes.start(command)
reaper.watch(session)
print(session.leader_pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_a_dead_owner_leaves_is_reaped(tmp_path: Path, number: signal.Signals) -> None:
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    assert owner.stdout is not None
    leader_pid = int(owner.stdout.readline())
    owner.send_signal(number)
    owner.wait(timeout=5)
    owner.stdout.close()
    try:
        assert wait_for(lambda: not psutil.pid_exists(leader_pid) or psutil.Process(leader_pid).status() == "zombie")
    finally:
        if psutil.pid_exists(leader_pid) and psutil.Process(leader_pid).status() != psutil.STATUS_ZOMBIE:
            os.kill(leader_pid, signal.SIGKILL)
