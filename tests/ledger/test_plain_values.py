"""The package's own encoding of plain values is boto3's; what is not plain is left to boto3."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.states import Phase
from migration_ops.ledger import items
from migration_ops.ledger.items import from_item, read_back, to_item
from migration_ops.ledger.plain_values import NotPlainError, as_read, plain_from_value, plain_to_value

VALUES: list[Any] = [
    "",
    "ü",
    0,
    -5,
    10**30,
    10**37,
    0.25,
    -0.0,
    12.0,
    -1e-7,
    1e20,
    1e16,
    123456789012345.67,
    True,
    None,
    [],
    {},
    (1, 2),
    [1, ["a", {"b": None}]],
    {"m": {"n": [1.5, False]}},
    {"phase": Phase.READY},
    Phase.READY,
    float("nan"),
    float("-inf"),
    {1: 2},
    {"a": {1: 2}},
    b"bytes",
    {"a"},
    10**40,
    Decimal("1.10"),
]
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**36), 10**36) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def by_boto3(value: Any) -> Any:
    """As ``items.to_value`` with boto3's serializer alone; the code of its error."""
    try:
        return TypeSerializer().serialize(items._without_floats(value, "value"))
    except (InvalidInputError, TypeError, ArithmeticError):
        return InvalidInputError.code


def by_us(value: Any) -> Any:
    try:
        return items.to_value(value)
    except InvalidInputError as error:
        return error.code


def read_by_boto3(attribute: Any) -> Any:
    return items._without_decimals(TypeDeserializer().deserialize(attribute))


def require_boto3s(value: Any) -> None:
    attribute = by_us(value)
    assert attribute == by_boto3(value)
    if isinstance(attribute, dict):
        # repr: 1, 1.0 and True are equal.
        assert repr(items.from_value(attribute)) == repr(read_by_boto3(attribute))
        assert repr(read_back({"a": value})) == repr(from_item(to_item({"a": value})))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_encoded_and_read_as_by_boto3(value: Any) -> None:
    require_boto3s(value)


@given(documents)
def test_any_document_is_encoded_and_read_as_by_boto3(value: Any) -> None:
    require_boto3s(value)


NUMBERS = ["0", "-0", "007", "1.50", "-0.0", "12.", "1E+3", "1e-7", "123456789012345678901234567890.5", "9" * 38]


@pytest.mark.parametrize("text", NUMBERS)
def test_every_notation_of_a_number_is_read_as_by_boto3(text: str) -> None:
    assert repr(items.from_value({"N": text})) == repr(read_by_boto3({"N": text}))


ODD: list[Any] = [{"B": b"x"}, {"SS": ["a"]}, {"NS": ["1", "2"]}, {"L": [{"B": b"x"}]}, {"M": {"a": {"SS": ["b"]}}}]


@pytest.mark.parametrize("attribute", ODD, ids=repr)
def test_kinds_that_the_package_never_writes_are_read_as_by_boto3(attribute: Any) -> None:
    with pytest.raises(NotPlainError):
        plain_from_value(attribute)
    assert items.from_value(attribute) == read_by_boto3(attribute)
    assert from_item({"a": attribute, "b": {"S": "c"}}) == {"a": read_by_boto3(attribute), "b": "c"}


@pytest.mark.parametrize("value", [Phase.READY, {1: 2}, b"x", {"a"}, Decimal(1), [Phase.READY]], ids=repr)
def test_what_is_not_plain_is_left_to_boto3(value: Any) -> None:
    with pytest.raises(NotPlainError):
        plain_to_value(value)


@pytest.mark.parametrize("value", [Phase.READY, b"x", Decimal(1), float("nan"), [b"x"]], ids=repr)
def test_what_is_not_plain_is_not_read_back_as_it_is(value: Any) -> None:
    with pytest.raises(NotPlainError):
        as_read(value)


def test_an_error_names_the_place() -> None:
    with pytest.raises(InvalidInputError) as refused:
        to_item({"facts": {"a": [1, {"b": float("nan")}]}})
    assert refused.value.context["path"] == "facts.a[1].b"
