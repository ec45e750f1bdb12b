"""Started commands and everything they fork, stopped for sure.

Each command leads a *session* of its own. A process group is not enough: Airflow puts every task into a group of its
own (``sdk/execution_time/supervisor.py`` calls ``setpgid``), and SIGTERM to the first process orphans the rest. Nothing
that is started here calls ``setsid``, so the session holds all of it, also after its leader has died.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from include.local.errors import LocalError

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Session:
    """A started command: its name, the pid that leads its session and when that process began (epoch seconds)."""

    name: str
    leader_pid: int
    started_at: float

    def as_document(self) -> dict[str, Any]:
        """Plain values, for the state file and the reaper."""
        return asdict(self)


def started_session(name: str, leader_pid: int) -> Session:
    """The session of a process that was just started with ``start_new_session``."""
    return Session(name, leader_pid, psutil.Process(leader_pid).create_time())


@dataclass(frozen=True)
class Command:
    """What to start, and where its words go."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    cwd: Path
    log: Path
    # standard output by itself, for a command that says something to be read by a program
    answers: Path | None = None


def start(command: Command) -> tuple[subprocess.Popen[bytes], Session]:
    """Starts a command in a session of its own; it outlives this process unless somebody stops it."""
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("ab") as log, (command.answers or command.log).open("ab") as answers:
        process = subprocess.Popen(  # noqa: S603
            command.arguments,
            stdin=subprocess.DEVNULL,
            stdout=answers,
            stderr=log,
            env=command.environment,
            cwd=command.cwd,
            start_new_session=True,
        )
    return process, started_session(command.name, process.pid)


def members(session: Session) -> list[psutil.Process]:
    """The living processes of a session. Zombies are dead; a pid that the system gave to somebody else is not ours."""
    with suppress(psutil.NoSuchProcess):
        # the leader's pid cannot be given away while the session has members, so another start time means: all gone
        if abs(psutil.Process(session.leader_pid).create_time() - session.started_at) > 1:
            return []
    found = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            if os.getsid(pid) == session.leader_pid:
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
    return found


def all_members(sessions: Iterable[Session]) -> list[psutil.Process]:
    """The living processes of several sessions."""
    return [process for session in sessions for process in members(session)]


def _signal_all(sessions: list[Session], number: signal.Signals) -> None:
    for process in all_members(sessions):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _gone_within(sessions: list[Session], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while all_members(sessions):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def stop(sessions: Iterable[Session], grace_seconds: float = 10.0) -> None:
    """Ends every process of the sessions: SIGTERM, SIGKILL after ``grace_seconds``, and a look whether it is true.

    :raises LocalError: a process outlived SIGKILL; the message names it.
    """
    victims = list(sessions)
    _signal_all(victims, signal.SIGTERM)
    if _gone_within(victims, grace_seconds):
        return
    for _ in range(5):  # a process may have forked between the look and the signal
        _signal_all(victims, signal.SIGKILL)
        if _gone_within(victims, 2.0):
            return
    left = ", ".join(f"{process.pid} ({process.name()})" for process in all_members(victims))
    raise LocalError(f"these processes could not be stopped: {left}")
