"""The state file of a stack: ``make down`` reads what ``make up`` wrote."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from include.local.processes import Session, all_members

NAME = "stack.json"


@dataclass
class StackState:
    """The sessions of a stack and where it can be reached. No secrets."""

    owner_pid: int = field(default_factory=os.getpid)
    ui_url: str = ""
    endpoints: dict[str, str] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)

    def write(self, home: Path) -> None:
        """Replaces the state file atomically, so that no reader sees a part of it."""
        home.mkdir(parents=True, exist_ok=True)
        draft = home / f"{NAME}.new"
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(home / NAME)

    def is_running(self) -> bool:
        """Whether any process of the stack runs."""
        return bool(all_members(self.sessions))


def read(home: Path) -> StackState | None:
    """The state of the stack in ``home``; None when none was started there or all was stopped."""
    try:
        document = json.loads((home / NAME).read_text())
    except FileNotFoundError:
        return None
    sessions = [Session(**one) for one in document.pop("sessions")]
    return StackState(**document, sessions=sessions)


def remove(home: Path) -> None:
    """Removes the state file in ``home``."""
    (home / NAME).unlink(missing_ok=True)
