"""Lists cut into groups for AWS's batch calls, and reads that run in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_groups(items: Sequence[T], size: int) -> list[list[T]]:
    """Groups of at most ``size``, in order."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


AT_ONCE = 8


def side_by_side(things: Iterable[T], read: Callable[[T], R], at_once: int = AT_ONCE) -> list[R]:
    """
    Calls ``read`` for each thing in threads; results in the order of ``things``, of which the first error is raised.

    :param at_once: the largest number of threads.
    """
    wanted = list(things)
    if len(wanted) < 2:
        return [read(one) for one in wanted]
    with ThreadPoolExecutor(max_workers=min(at_once, len(wanted))) as pool:
        return list(pool.map(read, wanted))
