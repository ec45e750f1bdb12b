"""Whether a record of the CMDB belongs to a server: a wrong ``cmdbId`` in a conf must not change another record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """
    What is known about a server besides its ``cmdbId``.

    :param names: host names, with or without their domain.
    :param wave: the name of its wave.
    """

    names: tuple[str, ...] = ()
    wave: str | None = None

    def fits(self, names: Iterable[object], wave_of: Callable[[], object]) -> bool:
        """
        Whether a record is this server's: one of its names is equal, or its wave has the same name.

        :param names: the record's names; a blank one never fits.
        :param wave_of: returns the name of the record's wave; called only when no name fits.
        """
        theirs = [one for one in names if isinstance(one, str)]
        if any(_is_same_host(mine, other) for mine in self.names for other in theirs):
            return True
        return bool(self.wave) and wave_of() == self.wave


def _is_same_host(one: str, other: str) -> bool:
    """Two names with domains are compared as a whole; if one has no domain, only the host parts are compared."""
    first, second = one.strip().casefold().rstrip("."), other.strip().casefold().rstrip(".")
    if not first or not second:
        return False
    if "." in first and "." in second:
        return first == second
    return first.split(".")[0] == second.split(".")[0]
