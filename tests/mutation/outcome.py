"""What became of a mutant."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"


class TestsFailedError(RuntimeError):
    """The tests do not pass without any mutant, or did not run at all: nothing that they say about mutants counts."""

    __test__ = False
