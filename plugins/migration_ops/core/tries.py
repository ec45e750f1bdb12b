"""Trying again without tenacity's cost where the first try succeeds, which is nearly always."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying

T = TypeVar("T")


def try_with(retrying: Callable[[], Retrying], call: Callable[[], T]) -> T:
    """As ``retrying()(call)``: the same number of tries, the same pauses, the same error.

    :param retrying: is made only when the first try failed. Its ``retry`` looks at exceptions alone.
    :raises Exception: whatever the last try raised.
    """
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - raised again below
        first: list[Exception] = [error]

    def again() -> T:
        if first:
            raise first.pop()
        return call()

    return retrying()(again)
