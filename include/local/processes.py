"""Starts commands, and reliably stops them with everything they forked.

Each command leads its own *session*. A process group is not enough: Airflow puts every task into its own group
(``sdk/execution_time/supervisor.py`` calls ``setpgid``), and SIGTERM to the first process orphans the rest. Nothing
that is started here calls ``setsid``, so all processes stay in the session, also after its leader has died.
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
    """What to start, and where its output goes."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    cwd: Path
    log: Path
    # file for standard output alone, if a program reads it; None: it goes to the log
    answers: Path | None = None


def start(command: Command) -> tuple[subprocess.Popen[bytes], Session]:
    """Starts a command in its own session; it continues after this process ends, unless it is stopped."""
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
    """The running processes of a session, without zombies and without a process that reuses the leader's pid."""
    with suppress(psutil.NoSuchProcess):
        # the leader's pid is not reused while the session has members, so another start time means that all are gone
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
    """The running processes of several sessions."""
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
    """Ends every process of the sessions with SIGTERM, and with SIGKILL after ``grace_seconds``.

    :raises LocalError: a process still runs after SIGKILL; the message names it.
    """
    victims = list(sessions)
    _signal_all(victims, signal.SIGTERM)
    if _gone_within(victims, grace_seconds):
        return
    for _ in range(5):  # a process may have forked between listing and signal
        _signal_all(victims, signal.SIGKILL)
        if _gone_within(victims, 2.0):
            return
    left = ", ".join(f"{process.pid} ({process.name()})" for process in all_members(victims))
    raise LocalError(f"these processes could not be stopped: {left}")
