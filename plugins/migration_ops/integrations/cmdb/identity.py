"""Whether a record of the CMDB is that of a server: a ``cmdbId`` is what a conf says, and must not mark anybody's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """
    What is known of a server beside its ``cmdbId``.

    :param names: host names, with or without their domain.
    :param wave: the name of its wave.
    """

    names: tuple[str, ...] = ()
    wave: str | None = None

    def fits(self, names: Iterable[object], wave_of: Callable[[], object]) -> bool:
        """
        Whether a record is this server's: by one of its names, or by the wave that it belongs to.

        :param names: the record's; a blank one fits nothing.
        :param wave_of: name of the record's wave; asked only when no name fits.
        """
        theirs = [one for one in names if isinstance(one, str)]
        if any(_is_same_host(mine, other) for mine in self.names for other in theirs):
            return True
        return bool(self.wave) and wave_of() == self.wave


def _is_same_host(one: str, other: str) -> bool:
    """Two names with domains are compared whole; with one that has none, the host alone."""
    first, second = one.strip().casefold().rstrip("."), other.strip().casefold().rstrip(".")
    if not first or not second:
        return False
    if "." in first and "." in second:
        return first == second
    return first.split(".")[0] == second.split(".")[0]
