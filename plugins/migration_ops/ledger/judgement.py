"""What is known of a history after it was checked: broken, unknown, or whole; and what its lines do not cover."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Judgement:
    """
    :param broken: what was tampered with, or lost.
    :param unknown: what could not be read, and so is not judged.
    :param notes: what nothing was found of because nothing covers it.
    """

    broken: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Judgement) -> Judgement:
        return Judgement(self.broken + other.broken, self.unknown + other.unknown, self.notes + other.notes)

    @property
    def problems(self) -> list[str]:
        """Why it is not whole; empty when it is."""
        return [*self.broken, *self.unknown]


WHOLE = Judgement()


def broken(*reasons: str) -> Judgement:
    return Judgement(broken=reasons)


def unknown(*reasons: str) -> Judgement:
    return Judgement(unknown=reasons)
