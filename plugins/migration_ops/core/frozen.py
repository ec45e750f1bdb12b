"""Changed copies of frozen dataclasses."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def changed(one: T, **changes: object) -> T:
    """As ``dataclasses.replace``, without its detour over ``__init__``, which sets each frozen field by a call.

    For dataclasses without slots and ``__post_init__``.

    :raises TypeError: a name is no field.
    """
    copy = object.__new__(type(one))
    values = copy.__dict__
    values.update(one.__dict__)
    values.update(changes)
    if len(values) != len(one.__dict__):
        raise TypeError(f"{type(one).__name__} has no field {', '.join(sorted(set(changes) - set(one.__dict__)))}")
    return copy
