"""Records that were judged right before are not read a second time, and never once anything was written."""

from __future__ import annotations

from dataclasses import replace
from inspect import getmembers, isfunction
from typing import Any, cast

import pytest

from migration_ops.core.states import Phase
from migration_ops.ledger.first_read import FirstRead
from migration_ops.ledger.protocol import Ledger, Record


def record(number: int) -> Record:
    return Record(f"m-{number}", "wave", "app", f"s-{number}", Phase.PLANNED)


class Store:
    """Notes what reaches it; its records are newer."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def answer(*given: Any, **_: Any) -> Any:
            self.asked.append(name)
            return {one: replace(record(1), version=9) for one in given[0]} if name == "read" else []

        return answer


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def first(store: Store) -> FirstRead:
    return FirstRead(cast("Ledger", store), [record(1), record(2)])


def test_the_first_read_of_these_asks_nobody_and_the_second_does(first: FirstRead, store: Store) -> None:
    assert first.read(["m-2", "m-1"]) == {"m-1": record(1), "m-2": record(2)}
    assert store.asked == []
    assert first.read(["m-1", "m-2"])["m-1"].version == 9


@pytest.mark.parametrize("ids", [["m-1"], ["m-1", "m-2", "m-3"], ["m-3"]])
def test_others_are_read(first: FirstRead, store: Store, ids: list[str]) -> None:
    assert set(first.read(ids)) == set(ids)
    assert store.asked == ["read"]


def test_after_a_write_everything_is_read(first: FirstRead, store: Store) -> None:
    first.write([], [], "any")
    assert first.read(["m-1", "m-2"])["m-2"].version == 9
    assert store.asked == ["write", "read"]


def test_it_hands_on_every_method(first: FirstRead, store: Store) -> None:
    names = {name for name, _ in getmembers(Ledger, isfunction) if not name.startswith("_")}
    assert names <= set(vars(FirstRead))
    first.history("m-1"), first.histories(["m-1"]), first.locks(["s-1"]), first.by_wave("w"), first.by_app("a")
    first.by_status(cast("Any", "READY")), first.take_over([], cast("Any", None), cast("Any", None))
    first.release([], cast("Any", None))
    assert set(store.asked) == names - {"read", "write"}
