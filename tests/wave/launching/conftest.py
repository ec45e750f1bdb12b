"""A bench for each test."""

from __future__ import annotations

import pytest

from tests.wave.launching.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
