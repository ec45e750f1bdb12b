"""Many mutants after one collection of the tests: each in a fork, where the module's functions get the mutant's code.

Functions that other modules have imported keep their identity, so that all of them run the mutant. What a module does
when it is imported (tables, classes, decorators) cannot be changed this way: such a mutant is run alone.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

import pytest
from _pytest.main import pytest_runtestloop

from tests.mutation.alone import PACKAGE, ROOT
from tests.mutation.modules import options_of
from tests.mutation.mutants import Mutant
from tests.mutation.outcome import Outcome, TestsFailedError

_LEAST_SECONDS = 30.0
_TIMES_THE_BASELINE = 10.0


@dataclass
class Forked:
    """A pytest plugin that runs the collected tests once for each mutant.

    :param outcomes: by the mutant's place; None: it changes no function that is there, and is to be run alone.
    """

    name: str
    mutants: list[Mutant]
    workers: int
    outcomes: dict[int, Outcome | None] = field(default_factory=dict)
    limit_seconds: float = 0.0
    why_not: str = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        if session.testsfailed or not session.items:
            self.why_not = "its tests cannot be collected"
            return True
        self._live = _functions_of(str(PACKAGE / self.name))
        started = time.monotonic()
        baseline = _Child(session, {}, [], 600.0)
        if baseline.wait() is not Outcome.SURVIVED:
            self.why_not = f"without any mutant {baseline.said() or 'its tests'} failed or took too long"
            return True
        self.limit_seconds = max(_LEAST_SECONDS, _TIMES_THE_BASELINE * (time.monotonic() - started))
        running: dict[int, _Child] = {}
        for place, mutant in enumerate(self.mutants):
            changed = _changed_code(self._live, mutant, str(PACKAGE / self.name))
            if changed is None:
                self.outcomes[place] = None
                continue
            while len(running) >= self.workers:
                self._reap(session, running)
            running[place] = _Child(session, changed, self._live, self.limit_seconds)
        while running:
            self._reap(session, running)
        return True

    def _reap(self, session: Any, running: dict[int, _Child]) -> None:
        over = [place for place, child in running.items() if child.is_over()]
        for place in over:
            child = running.pop(place)
            self.outcomes[place], killer = child.wait(), child.said()
            if self.outcomes[place] is Outcome.KILLED and not killer:
                raise TestsFailedError(f"{self.mutants[place].change}: the fork ended without a test that failed")
            # What killed a mutant kills its neighbours: the sort keeps the order of the others.
            session.items.sort(key=lambda item, first=killer: item.nodeid != first)
        if not over:
            time.sleep(0.02)


class _Child:
    """A fork that runs the tests and leaves the name of the first one that fails."""

    def __init__(
        self, session: Any, changed: dict[int, CodeType], live: list[FunctionType], limit_seconds: float
    ) -> None:
        self._until = time.monotonic() + limit_seconds
        self._status: int | None = None
        self._timed_out = False
        self._reads, writes = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _run_in_child(session, changed, live, writes)
        os.close(writes)

    def is_over(self) -> bool:
        if self._status is None:
            found, status = os.waitpid(self._pid, os.WNOHANG)
            if found:
                self._status = status
            elif time.monotonic() > self._until:
                self._timed_out = True
                os.kill(self._pid, signal.SIGKILL)
                self._status = os.waitpid(self._pid, 0)[1]
        return self._status is not None

    def wait(self) -> Outcome:
        while not self.is_over():
            time.sleep(0.02)
        if self._timed_out:
            return Outcome.TIMED_OUT
        return Outcome.SURVIVED if self._status == 0 else Outcome.KILLED

    def said(self) -> str:
        with os.fdopen(self._reads, "r") as lines:
            return lines.readline().strip()


def _run_in_child(session: Any, changed: dict[int, CodeType], live: list[FunctionType], writes: int) -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    code = 1
    try:
        for place, one in changed.items():
            live[place].__code__ = one
        session.config.pluginmanager.register(_Teller(writes))
        pytest_runtestloop(session)
        code = 1 if session.testsfailed else 0
    finally:
        os._exit(code)


@dataclass(eq=False)
class _Teller:
    writes: int

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            os.write(self.writes, f"{report.nodeid}\n".encode())


def _functions_of(path: str) -> list[FunctionType]:
    # conftest.py freezes what it loaded, and what is frozen is not listed.
    gc.unfreeze()
    found = [one for one in gc.get_objects() if isinstance(one, FunctionType) and one.__code__.co_filename == path]
    gc.freeze()
    return found


def _changed_code(live: list[FunctionType], mutant: Mutant, path: str) -> dict[int, CodeType] | None:
    """The mutant's code by the place of the live function; None when there is no such function."""
    if not mutant.is_in_function:
        return None
    new = {_key(one): one for one in _codes(compile(mutant.tree, path, "exec"))}
    changed = {}
    for place, function in enumerate(live):
        code = new.get(_key(function.__code__))
        if code is None or code == function.__code__:
            continue
        if code.co_freevars != function.__code__.co_freevars:
            return None
        changed[place] = code
    return changed or None


def _key(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _codes(one)


def run_forked(name: str, mutants: list[Mutant], paths: list[str], workers: int) -> Forked:
    """:raises TestsFailedError: the tests do not pass without any mutant."""
    plugin = Forked(name, mutants, workers)
    given = ["-x", "-q", "-s", *options_of(name), "-p", "no:cacheprovider", f"--rootdir={ROOT}"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = pytest.main([*given, *(str(ROOT / one) for one in paths)], plugins=[plugin])
    if plugin.why_not or len(plugin.outcomes) < len(mutants):
        why = plugin.why_not or f"pytest ended with {code}\n{said.getvalue()[-2000:]}"
        raise TestsFailedError(f"{name}: {why}")
    return plugin
