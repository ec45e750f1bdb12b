"""Scenarios that run side by side: every story that a selected test needs is started at once, in a thread of its own.

A story is a function that plays one run (or several) as a person would, and returns what it saw; the tests beside it
assert on that. One Airflow carries them all, so a story has its own wave name and its own servers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.scenarios.lab import Lab

AT_ONCE = 8
STORIES: dict[str, Callable[[Lab], Any]] = {}


def story(notify: Callable[[Lab], Any]) -> Any:
    """Makes a session fixture of a story; it holds what the story returned, or raises what it raised."""
    name = getattr(notify, "__name__", "")
    # A story is found by its name alone: a second one would silently answer for the first.
    if name in STORIES:
        raise ValueError(f"two stories are called {name!r}: in {STORIES[name].__module__} and {notify.__module__}")
    STORIES[name] = notify

    @pytest.fixture(scope="session", name=name)
    def told(stories: Stories) -> Any:
        return stories.told(name)

    return told


class Stories:
    """The running stories of a session."""

    def __init__(self, lab: Lab, names: list[str]) -> None:
        self._pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="story")
        self._results: dict[str, Future[Any]] = {name: self._pool.submit(self._tell, lab, name) for name in names}
        self._lock = threading.Lock()

    def told(self, name: str) -> Any:
        return self._results[name].result()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    @staticmethod
    def _tell(lab: Lab, name: str) -> Any:
        began = time.monotonic()
        outcome = "failed"
        try:
            told = STORIES[name](lab)
            outcome = "told"
            return told
        finally:
            lab.say(f"{name} {outcome} after {time.monotonic() - began:.0f} s")


def needed(items: list[pytest.Item]) -> list[str]:
    """The stories that the selected tests ask for, in their order."""
    asked = [name for item in items for name in getattr(item, "fixturenames", ())]
    return [name for name in dict.fromkeys(asked) if name in STORIES]
