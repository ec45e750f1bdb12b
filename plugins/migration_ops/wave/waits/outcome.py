"""What a step returns: it is done, or it waits for something that a trigger can watch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Topic(StrEnum):
    """What can be waited for. Each topic has one condition in ``conditions.py``."""

    REPLICATION = "replication"  # subjects: source server ids
    JOBS = "jobs"  # subjects: MGN job ids
    BOOT = "boot"  # subjects: source server ids; until.instances maps them to EC2 instance ids
    LEDGER = "ledger"  # subjects: migration ids
    CLOCK = "clock"  # no subjects; until.at is epoch seconds
    CALENDAR = "calendar"  # subjects: SSM change calendar names or ARNs


class Reason(StrEnum):
    """Why a wait ended."""

    MET = "met"
    FAILED = "failed"
    TIMED_OUT = "timedOut"


@dataclass(frozen=True)
class Wait:
    """A wait in plain JSON values, so that a trigger survives its triggerer's restart.

    :param until: the condition's parameters.
    :param deadline: epoch seconds after which the wait ends with ``TIMED_OUT``.
    :param why: one line for the log and the UI.
    :param carry: handed back to the step untouched.
    """

    topic: Topic
    subjects: tuple[str, ...]
    until: dict[str, Any]
    poll_seconds: float
    deadline: float
    why: str
    carry: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Resumed:
    """How a wait ended: per subject the last observation and its verdict, never an exception for one of them.

    ``observed[subject]`` = ``{"verdict": …, "reason": …, "view": <document of the view or null>}``.
    """

    reason: Reason
    observed: dict[str, dict[str, Any]]
    carry: dict[str, Any]


@dataclass(frozen=True)
class Done:
    """The step reached its goal; ``result`` goes to XCom (ids, small facts, evidence)."""

    result: dict[str, Any]


Outcome = Done | Wait
