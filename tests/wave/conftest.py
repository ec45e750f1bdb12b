"""A bench for each test that asks for one: the ledger in memory and a scripted MGN."""

from __future__ import annotations

import pytest

from tests.wave.launching.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
