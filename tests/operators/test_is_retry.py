"""Who runs a task again: Airflow by itself, or a person who cleared it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from migration_ops.operators.wave.step import StepOperator


@pytest.mark.parametrize(
    ("try_number", "max_tries", "by_itself"),
    [(1, 3, False), (2, 3, True), (4, 3, True), (2, 4, False), (3, 4, True), (5, 7, False), (6, 7, True)],
)
def test_clearing_begins_a_new_set_of_tries(try_number: int, max_tries: int, by_itself: bool) -> None:
    operator = StepOperator(task_id="any", step="close", retries=3)
    assert operator._is_retry(SimpleNamespace(try_number=try_number, max_tries=max_tries)) is by_itself
