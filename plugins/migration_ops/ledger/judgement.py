"""The result of checking a history: broken, unknown, or whole, with notes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Judgement:
    """
    The result of a check; without ``broken`` and ``unknown`` the history is whole.

    :param broken: what was changed or lost.
    :param unknown: what could not be read, and so is not judged.
    :param notes: what no history line covers, so that a change would not be found.
    """

    broken: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Judgement) -> Judgement:
        return Judgement(self.broken + other.broken, self.unknown + other.unknown, self.notes + other.notes)

    @property
    def problems(self) -> list[str]:
        """Everything broken or unknown; empty when the history is whole."""
        return [*self.broken, *self.unknown]


WHOLE = Judgement()


def broken(*reasons: str) -> Judgement:
    return Judgement(broken=reasons)


def unknown(*reasons: str) -> Judgement:
    return Judgement(unknown=reasons)
