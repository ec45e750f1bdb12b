"""What the steps that launch and terminate hand to themselves across their waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from migration_ops.wave.waits.carry import document_of, flag, name_lists, names, seconds

# Instance ids by source server id.
Claims = dict[str, list[str]]


@dataclass(frozen=True)
class LaunchCarry:
    """Of a test launch or a cutover. Times are epoch seconds.

    :param jobs: the MGN jobs that were waited for; None when the wait was for something else.
    :param launch_deadline: until when the launch must be sent.
    :param looked_since: when a launch whose outcome is unknown was first looked up.
    :param at_gate: the wait was for the final replication gate.
    :param gate_deadline: until when that gate must open.
    """

    jobs: tuple[str, ...] | None = None
    launch_deadline: float | None = None
    looked_since: float | None = None
    at_gate: bool = False
    gate_deadline: float | None = None

    def as_document(self) -> dict[str, Any]:
        return document_of(
            jobs=None if self.jobs is None else list(self.jobs),
            launchDeadline=self.launch_deadline,
            lookedSince=self.looked_since,
            gate=self.at_gate or None,
            deadline=self.gate_deadline,
        )

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """:raises InvalidInputError: a key of another type; see ``wave/waits/carry.py``."""
        return cls(
            jobs=names(document, "jobs"),
            launch_deadline=seconds(document, "launchDeadline"),
            looked_since=seconds(document, "lookedSince"),
            at_gate=flag(document, "gate"),
            gate_deadline=seconds(document, "deadline"),
        )


@dataclass(frozen=True)
class TerminationCarry:
    """Of mark_ready and rollback, which both terminate what was launched. Times are epoch seconds.

    :param looked_since: when a call whose outcome is unknown was first looked up.
    :param instances: what is to be terminated; None when that is not known yet.
    """

    deadline: float | None = None
    looked_since: float | None = None
    instances: Claims | None = None

    def as_document(self) -> dict[str, Any]:
        return document_of(deadline=self.deadline, lookedSince=self.looked_since, instances=self.instances)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """:raises InvalidInputError: a key of another type; see ``wave/waits/carry.py``."""
        return cls(
            deadline=seconds(document, "deadline"),
            looked_since=seconds(document, "lookedSince"),
            instances=name_lists(document, "instances"),
        )
