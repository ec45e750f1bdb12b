"""The demo's output: on a terminal a table that is redrawn in place, elsewhere plain lines of what changed."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.markdown import Markdown
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from include.local import progress_table
from include.local.progress_table import Document
from include.local.replication_view import Replication

HEARTBEAT_SECONDS = 30.0


def duration(seconds: float | None) -> str:
    """``1:05``, ``2:03:04``; a dash for unknown."""
    if seconds is None:
        return "—"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _replication_line(seen: Replication) -> str:
    eta = f", ETA {seen.eta}" if seen.eta else ""
    return f"{seen.states or 'replication unknown'}, lag {duration(seen.lag_seconds)}{eta}"


class Screen(Protocol):
    """Where the demo's output goes."""

    def say(self, text: str) -> None:
        """Prints one line."""

    def document(self, title: str, markdown: str) -> None:
        """Prints a page: evidence, the report."""

    def show(self, tasks: list[Document], applications: list[str], replication: Mapping[str, Replication]) -> None:
        """Shows the current state of the wave."""

    def close(self) -> None:
        """Ends the display of the wave."""


_ESCAPED = re.compile(r"\\([^A-Za-z0-9\s])")


class PlainScreen:
    """Lines only, for pipes and CI: each change once, and a line every 30 s when nothing changes."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._seen: dict[str, str | None] = {}
        self._replication: dict[str, Replication] = {}
        self._last_line = 0.0

    def say(self, text: str) -> None:
        self._last_line = time.monotonic()
        print(f"[{duration(self._last_line - self._began):>7}] {text}", flush=True)

    def document(self, title: str, markdown: str) -> None:
        # shown without rendering, so without the backslashes that escape outside text
        text = _ESCAPED.sub(r"\1", markdown.strip())
        print(f"\n--- {title} ---\n{text}\n---\n", flush=True)

    def show(self, tasks: list[Document], applications: list[str], replication: Mapping[str, Replication]) -> None:
        now = progress_table.states(tasks)
        for line in progress_table.changes(self._seen, now):
            self.say(line)
        self._seen = now
        for name, one in replication.items():
            if one.states != self._replication.get(name, Replication()).states:
                self.say(f"{name}: {_replication_line(one)}")
        self._replication = dict(replication)
        if time.monotonic() - self._last_line > HEARTBEAT_SECONDS:
            self.say(
                "; ".join(["waiting", *(f"{name}: {_replication_line(one)}" for name, one in replication.items())])
            )

    def close(self) -> None:
        """Nothing to do."""


class LiveScreen:
    """A table that is redrawn in place; ``say`` and ``document`` print above it."""

    def __init__(self, console: Console | None = None) -> None:
        self._began = time.monotonic()
        self._console = console or Console()
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._shown = False

    def say(self, text: str) -> None:
        self._console.print(Text(f"[{duration(time.monotonic() - self._began):>7}] {text}"))

    def document(self, title: str, markdown: str) -> None:
        # one print: the table below is redrawn after each
        self._console.print(Group(Rule(title), Markdown(markdown), Rule()))

    def show(self, tasks: list[Document], applications: list[str], replication: Mapping[str, Replication]) -> None:
        if not self._shown:
            self._live.start()
            self._shown = True
        self._live.update(self._picture(tasks, applications, replication), refresh=True)

    def close(self) -> None:
        if self._shown:
            self._live.stop()

    def _picture(self, tasks: list[Document], applications: list[str], replication: Mapping[str, Replication]) -> Group:
        steps = Text("  ".join(f"{sign} {name}" for name, sign in progress_table.wave_steps(tasks)))
        table = Table(title=f"elapsed {duration(time.monotonic() - self._began)}", title_justify="left", expand=False)
        for heading in ("application", *progress_table.PHASES, "step", "state", "lag", "ETA", "replication"):
            table.add_column(heading, no_wrap=True)
        for row in progress_table.rows(tasks, applications):
            seen = replication.get(row.application, Replication())
            phases = [row.phases.get(phase, progress_table.NOT_YET) for phase in progress_table.PHASES]
            tail = [row.step, row.state, duration(seen.lag_seconds), seen.eta or "—", seen.states]
            table.add_row(row.application, *phases, *tail)
        return Group(steps, table)
