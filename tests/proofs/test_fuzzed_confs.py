"""Confs that nobody would write: each is accepted, and is the same the second time, or refused with paths."""

from __future__ import annotations

import copy
import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from migration_ops.wave.conf.model import InvalidConfError, parse_conf
from tests.proofs.how_many import how_many

WAVES = Path(__file__).resolve().parents[2] / "include" / "waves"
NOW = datetime(2026, 1, 9, tzinfo=UTC)
CONFS = [json.loads(one.read_text()) for one in sorted(WAVES.glob("*.json"))]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**63, -(2**70), 0.5, 1e308, "", " ", "x", "\0", "a\nb", "ä" * 300, "🙂", "\ud800"),
    *([], {}, [[]], [{}], {"": {}}, [None], "null", "2026-01-01", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00"),
    *("../..", "{{ 7*7 }}", "{instanceIp}", "http://169.254.169.254/", "s-0123456789abcdef0", "arn:aws:iam::1:role/x"),
    *("PT5S", "1e400", "-0", "0x10", "१२", "\u202e", "\u200b", "a" * 5_000, list(range(200)), {"a": {"b": {"c": 1}}}),
]


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        found += places(child, (*path, key))
    return found


def fuzzed(dice: random.Random) -> dict[str, Any]:
    conf: dict[str, Any] = copy.deepcopy(dice.choice(CONFS))
    for _ in range(dice.choice([1, 1, 1, 2, 4])):
        spots = places(conf)
        if not spots:
            break
        *above, last = dice.choice(spots)
        node: Any = conf
        for key in above:
            node = node[key]
        way = dice.randrange(6)
        if way == 0:
            del node[last]
        elif way == 1 and isinstance(node, dict):
            node[dice.choice(["wave", "x", "", "Server", "$ref", f"{last}s"])] = dice.choice(VALUES)
        elif way == 2 and isinstance(node, list):
            node.append(copy.deepcopy(node[last]))
        elif way == 3 and isinstance(node, dict):
            node[str(last).swapcase()] = node.pop(last)
        else:
            node[last] = copy.deepcopy(dice.choice(VALUES))
    return conf


def outcome(conf: dict[str, Any]) -> tuple[str, Any]:
    """:raises Exception: anything but a conf or a refusal with findings, which is what is looked for."""
    try:
        return "accepted", parse_conf(conf, now=NOW).as_document()
    except InvalidConfError as error:
        return "refused", error.context["findings"]


@pytest.mark.timeout(3_600)
def test_a_conf_or_a_refusal_with_paths() -> None:
    dice, count = random.Random(22), how_many(1_500, 100_000)
    counted = {"accepted": 0, "refused": 0}
    for _ in range(count):
        conf = fuzzed(dice)
        before = copy.deepcopy(conf)
        what, found = outcome(conf)
        counted[what] += 1
        assert conf == before
        if what == "accepted":
            assert outcome(found) == (what, found), conf
        else:
            assert found
            assert all(isinstance(one["path"], str) and one["code"] and one["message"] for one in found), conf
    print(f"{count} confs: {counted}")
    assert min(counted.values()) > count / 50


@pytest.mark.parametrize(
    "value", ["a" * 1_000_000, ["x"] * 300_000, {str(n): n for n in range(100_000)}, [{"servers": [{}] * 200_000}]]
)
@pytest.mark.parametrize("member", ["wave", "applications", "unknown"])
def test_a_document_of_a_megabyte_is_refused_at_once(member: str, value: Any) -> None:
    began = time.process_time()
    what, found = outcome({**CONFS[0], member: value})
    assert what == "refused"
    assert [one["code"] for one in found] == ["too_large"]
    # No timed assertion of speed: it is that nothing walks through the document again and again.
    assert time.process_time() - began < 30


def test_a_deeply_nested_document_is_refused() -> None:
    nested: Any = "x"
    for _ in range(100_000):
        nested = [nested]
    assert outcome({**CONFS[0], "applications": nested})[0] == "refused"
