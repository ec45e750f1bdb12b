"""A line is the same for the same item, and the digest of many does not depend on their order."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from migration_ops.runbook.backup.serialization import Tally, for_boto3, item_of, line_of, lines_of


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ({"a": {"S": "1"}, "b": {"N": "2"}}, {"b": {"N": "2"}, "a": {"S": "1"}}),
        ({"a": {"SS": ["x", "y"]}}, {"a": {"SS": ["y", "x"]}}),
        ({"a": {"NS": ["1", "2"]}}, {"a": {"NS": ["2", "1"]}}),
        ({"a": {"BS": ["QQ==", "Qg=="]}}, {"a": {"BS": ["Qg==", "QQ=="]}}),
        ({"a": {"L": [{"M": {"s": {"SS": ["x", "y"]}}}]}}, {"a": {"L": [{"M": {"s": {"SS": ["y", "x"]}}}]}}),
    ],
)
def test_the_same_item_is_the_same_line(one: Any, same: Any) -> None:
    assert line_of(one) == line_of(same)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": {"L": [{"S": "x"}, {"S": "y"}]}}, {"a": {"L": [{"S": "y"}, {"S": "x"}]}}),
        ({"a": {"S": '"SS":["b","a"]'}}, {"a": {"S": '"SS":["a","b"]'}}),
        ({"a": {"S": ""}}, {"a": {"NULL": True}}),
        ({"a": {"N": "1"}}, {"a": {"S": "1"}}),
        ({}, {"a": {"S": ""}}),
    ],
)
def test_another_item_is_another_line(one: Any, other: Any) -> None:
    assert line_of(one) != line_of(other)


def test_a_line_is_one_line_and_gives_the_item_back() -> None:
    item = {"a": {"S": "two\nlines\u2028\ud800"}, "b": {"B": "AA=="}}
    assert b"\n" not in line_of(item)
    assert item_of(line_of(item)) == item


PLAIN = {"a": {"S": "plain"}, "b": {"N": "1"}}


@pytest.mark.parametrize(
    "odd",
    [
        {"a": {"SS": ["y", "x"]}},
        {"a": {"L": [{"M": {"s": {"NS": ["2", "1"]}}}]}},
        {"a": {"S": "ä"}},
        {"a": {"S": "\x7f"}},
        {"a": {"S": "half a pair \ud800"}},
        {"a": {"S": "two\nlines\u2028"}},
        PLAIN,
    ],
)
def test_a_page_is_written_as_each_of_its_items(odd: Any) -> None:
    items = [PLAIN, odd, {**PLAIN, "b": {"N": "2"}}]
    assert lines_of(items) == [line_of(one) for one in items]
    page, each = Tally(), Tally()
    page.add_all(lines_of(items))
    for one in items:
        each.add(line_of(one))
    assert page == each
    assert lines_of([]) == []


@pytest.mark.parametrize("text", ["", "[]", '{"Item": 1}', '{"Item": {}, "more": 1}', "{"])
def test_what_is_no_item_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        item_of(text.encode())


def test_boto3_gets_bytes_at_any_depth() -> None:
    item = {"a": {"B": "AQ=="}, "b": {"M": {"B": {"S": "x"}, "l": {"L": [{"BS": ["Ag=="]}]}}}}
    assert for_boto3(item) == {"a": {"B": b"\x01"}, "b": {"M": {"B": {"S": "x"}, "l": {"L": [{"BS": [b"\x02"]}]}}}}


def test_the_digest_is_of_the_set_not_of_the_order() -> None:
    lines = [json.dumps({"Item": {"a": {"N": str(one)}}}).encode() for one in range(100)]
    whole, first, second = Tally(), Tally(), Tally()
    for line in lines:
        whole.add(line)
    random.Random(1).shuffle(lines)
    for line in lines:
        (first if line[-4:] < b"5" else second).add(line)
    first.merge(second)
    assert (first.items, first.digest, first.raw_bytes) == (whole.items, whole.digest, whole.raw_bytes)


@pytest.mark.parametrize("change", ["lost", "doubled", "edited"])
def test_the_digest_shows_a_difference(change: str) -> None:
    lines = [f'{{"Item":{{"a":{{"N":"{one}"}}}}}}'.encode() for one in range(10)]
    other = {"lost": lines[1:], "doubled": [*lines, lines[0]], "edited": [*lines[1:], b"{}"]}[change]
    one, two = Tally(), Tally()
    for line in lines:
        one.add(line)
    for line in other:
        two.add(line)
    assert one.digest != two.digest


PIECES = [
    "a",
    "é",
    "😀",
    "\u2028",
    "\x7f",
    "\x1f",
    "\x00",
    "\b",
    "\f",
    "\n",
    "\r",
    "\t",
    '"',
    "\\",
    "/",
    "<",
    "&",
    "~",
    "\ud800",
    "",
]


def _value(dice: random.Random, depth: int = 0) -> dict[str, Any]:
    text = lambda: "".join(dice.choices(PIECES, k=dice.randrange(4)))  # noqa: E731
    kinds: dict[str, Any] = {
        "S": text,
        "N": lambda: dice.choice(["0", "-1E+125", "0.10"]),
        "B": lambda: "AA==",
        "BOOL": lambda: dice.random() < 0.5,
        "NULL": lambda: True,
        "SS": lambda: dice.sample(PIECES, 3),
        "L": lambda: [_value(dice, depth + 1) for _ in range(dice.randrange(3))],
        "M": lambda: {text(): _value(dice, depth + 1) for _ in range(dice.randrange(4))},
    }
    kind = dice.choice([name for name in kinds if depth < 3 or name not in "LM"])
    return {kind: kinds[kind]()}


def test_lines_are_those_of_older_backups() -> None:
    """Byte by byte as Python's own encoder writes them: a digest must not depend on who made it."""
    dice = random.Random(7)
    encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
    for _ in range(4000):
        item = {"".join(dice.choices(PIECES, k=2)): _value(dice) for _ in range(dice.randrange(6))}
        line = line_of(item)
        assert line == encode(json.loads(line)).encode()
        assert line == line_of(item_of(line))
        sets = '"SS":[' in encode(item)
        assert sets or line == encode({"Item": item}).encode()
