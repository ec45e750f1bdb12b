"""What runs already, and its end: for the stack itself and for another shell's ``make down``."""

from __future__ import annotations

from pathlib import Path

from include.local import processes, state_file
from include.local.errors import LocalError
from include.local.processes import Session

# Name of the stack of `make up`
UP = "up"


def refuse_second(home: Path) -> None:
    """Two stacks in one home would share a database.

    :raises LocalError: one runs there.
    """
    state = state_file.read(home)
    if state and state.is_running():
        how = "make down" if home.name == UP else f".venv/bin/python -m include.local down --name {home.name}"
        raise LocalError(f"a stack runs in {home} already ({state.ui_url or 'starting'}); stop it with: {how}")


def stop_sessions(sessions: list[Session]) -> None:
    """Ends the sessions, the sandbox last: Airflow's last words may still want an answer."""
    processes.stop([one for one in sessions if one.name != "sandbox"])
    processes.stop([one for one in sessions if one.name == "sandbox"])


def stop_home(home: Path) -> bool:
    """Stops the stack that runs in ``home``, whoever started it; False when there was none.

    :raises LocalError: something outlived SIGKILL.
    """
    state = state_file.read(home)
    if state is None:
        return False
    was_running = state.is_running()
    stop_sessions(state.sessions)
    state_file.remove(home)
    return was_running
