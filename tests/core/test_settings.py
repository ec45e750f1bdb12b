"""Settings of the installation: each is read, and what cannot be meant is refused by the variable's name."""

from __future__ import annotations

from dataclasses import fields

import pytest

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.settings import BOUNDS, FLAG, PREFIX, Settings, read_settings

NUMBERS = [one for one in fields(Settings) if one.type != "str"]


def name_of(field: str) -> str:
    return PREFIX + field.upper()


def test_without_any_the_defaults_hold() -> None:
    assert read_settings({}) == Settings()


@pytest.mark.parametrize("field", [one.name for one in fields(Settings) if one.type == "str"])
def test_a_text_is_taken_as_it_is(field: str) -> None:
    assert getattr(read_settings({name_of(field): " a, b "}), field) == " a, b "


@pytest.mark.parametrize("one", NUMBERS, ids=lambda one: one.name)
def test_its_own_default_is_within_its_bounds(one: object) -> None:
    field, default = one.name, one.default  # type: ignore[attr-defined]
    assert getattr(read_settings({name_of(field): str(default)}), field) == default


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-inf", "-1", "1e12", "1" * 400, "", "x", "None", "0x10", "1,5", "true"]
)
@pytest.mark.parametrize("field", [one.name for one in NUMBERS])
def test_what_cannot_be_meant_is_refused_by_name(field: str, text: str) -> None:
    with pytest.raises(InvalidInputError, match=name_of(field)) as caught:
        read_settings({name_of(field): text})
    assert caught.value.context["path"] == name_of(field)
    assert "Correct the conf" not in caught.value.hint


@pytest.mark.parametrize("one", NUMBERS, ids=lambda one: one.name)
def test_the_bounds_themselves(one: object) -> None:
    field, kind = one.name, int if one.type == "int" else float  # type: ignore[attr-defined]
    above, most = BOUNDS.get(field.rsplit("_", 1)[-1], FLAG)
    assert getattr(read_settings({name_of(field): str(kind(most))}), field) == most
    for beyond in (above, most + 1):
        with pytest.raises(InvalidInputError, match="must be"):
            read_settings({name_of(field): str(kind(beyond))})


def test_every_number_has_a_unit_or_is_a_flag() -> None:
    flags = {one.name for one in NUMBERS if one.name.rsplit("_", 1)[-1] not in BOUNDS}
    assert flags == {"ship_logs", "four_eyes", "require_window", "require_ticket", "require_account"}
