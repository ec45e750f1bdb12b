"""``changed`` is ``dataclasses.replace`` for plain frozen dataclasses."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from migration_ops.core.frozen import changed


@dataclass(frozen=True)
class Place:
    name: str
    floor: int = 1
    facts: dict[str, int] = field(default_factory=dict)


PLACE = Place("hall", facts={"doors": 2})


def test_it_is_a_copy_with_these_fields() -> None:
    assert changed(PLACE, name="room", floor=2) == replace(PLACE, name="room", floor=2)
    assert Place("hall", facts={"doors": 2}) == PLACE


def test_without_changes_it_is_equal() -> None:
    copy = changed(PLACE)
    assert copy == PLACE
    assert copy is not PLACE


def test_the_copy_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        changed(PLACE).name = "room"  # type: ignore[misc]


def test_a_name_that_is_no_field_is_refused() -> None:
    with pytest.raises(TypeError, match="Place has no field roof"):
        changed(PLACE, roof=1)
