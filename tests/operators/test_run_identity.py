"""Which run a task belongs to, and what Airflow can say of a run that holds a lock."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from migration_ops.ledger.protocol import Holder
from migration_ops.operators.run_identity import holder_of, run_ended

MADE = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


class Ti:
    """A task instance of run ``wave-1-a``; Airflow answers ``state`` for every run, or raises it."""

    dag_id, run_id = "migration_wave", "wave-1-a"
    log = logging.getLogger("ti")

    def __init__(self, state: Any = "success", **run: Any) -> None:
        self.state = state
        self.run = {"run_after": MADE, "triggering_user_name": "alice", "start_date": MADE, "clear_number": 0} | run

    def get_template_context(self) -> dict[str, Any]:
        return {"dag_run": SimpleNamespace(**self.run)}

    def get_dagrun_state(self, *, dag_id: str, run_id: str) -> Any:
        if isinstance(self.state, Exception):
            raise self.state
        return self.state


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/")


def test_the_run_is_known_by_when_it_was_made_by_whom_and_where() -> None:
    holder = holder_of(Ti(), "wave-1")
    assert holder == Holder(
        "migration_wave",
        "wave-1-a",
        "wave-1",
        nonce="2030-01-01T12:00:00.123456+00:00 alice",
        airflow="https://airflow.example",
    )


@pytest.mark.parametrize(
    "later",
    [
        {"start_date": MADE + timedelta(hours=1), "clear_number": 1},
        {"start_date": None},
        {"run_after": MADE.astimezone(timezone(timedelta(hours=2)))},
    ],
    ids=["cleared", "queued", "another zone"],
)
def test_cleared_and_retried_it_is_the_same_run(later: dict[str, Any]) -> None:
    assert holder_of(Ti(**later), "wave-1") == holder_of(Ti(), "wave-1")


def test_triggered_again_under_its_id_it_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = holder_of(Ti(), "wave-1")
    again = holder_of(Ti(run_after=MADE + timedelta(seconds=1)), "wave-1")
    by_another = holder_of(Ti(triggering_user_name="mallory"), "wave-1")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://second.example")
    elsewhere = holder_of(Ti(), "wave-1")
    assert not any(lock.is_same_run(one) for one in (again, by_another, elsewhere))


class TestHasEnded:
    @pytest.mark.parametrize(
        ("state", "expected"), [("success", True), ("failed", True), ("running", False), (None, None)]
    )
    def test_what_airflow_says_of_another_run(self, state: Any, expected: bool | None) -> None:
        own = holder_of(Ti(), "wave-1")
        assert run_ended(Ti(state), own, replace(own, run_id="wave-1-b", nonce="x")) is expected

    def test_no_answer_is_unknown(self) -> None:
        own = holder_of(Ti(), "wave-1")
        assert run_ended(Ti(RuntimeError("no such run")), own, replace(own, run_id="gone")) is None

    def test_the_earlier_run_of_its_own_id_is_unknown(self) -> None:
        """Airflow would answer for the run that asks."""
        own = holder_of(Ti(), "wave-1")
        assert run_ended(Ti("success"), own, replace(own, nonce="an earlier one")) is None

    def test_a_run_of_another_airflow_is_unknown(self) -> None:
        own = holder_of(Ti(), "wave-1")
        assert run_ended(Ti("success"), own, replace(own, run_id="b", airflow="https://second.example")) is None

    def test_a_lock_of_an_earlier_release_is_judged_by_its_id(self) -> None:
        own = holder_of(Ti(), "wave-1")
        assert run_ended(Ti("success"), own, Holder("migration_wave", "wave-1-b", "wave-1")) is True
