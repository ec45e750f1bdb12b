"""Finds and stops a running stack: for the stack itself and for ``make down`` in another shell."""

from __future__ import annotations

from pathlib import Path

from include.local import processes, state_file
from include.local.errors import LocalError
from include.local.processes import Session

# Name of the stack of `make up`
UP = "up"


def refuse_second(home: Path) -> None:
    """Two stacks in one home would share a database.

    :raises LocalError: a stack runs there.
    """
    state = state_file.read(home)
    if state and state.is_running():
        how = "make down" if home.name == UP else f".venv/bin/python -m include.local down --name {home.name}"
        raise LocalError(f"a stack runs in {home} already ({state.ui_url or 'starting'}); stop it with: {how}")


def stop_sessions(sessions: list[Session]) -> None:
    """Stops the sessions, the sandbox last, because Airflow may still call it while it stops."""
    processes.stop([one for one in sessions if one.name != "sandbox"])
    processes.stop([one for one in sessions if one.name == "sandbox"])


def stop_home(home: Path) -> bool:
    """Stops the stack in ``home``, whoever started it; False when none was running.

    :raises LocalError: a process still runs after SIGKILL.
    """
    state = state_file.read(home)
    if state is None:
        return False
    was_running = state.is_running()
    stop_sessions(state.sessions)
    state_file.remove(home)
    return was_running
