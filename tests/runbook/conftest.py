"""One sandbox for the runbook's tests; each estate begins with an empty account."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from include.sandbox.sandbox import Sandbox


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    with Sandbox(speed=600, seed="empty", shown="wall") as sandbox:
        before = dict(os.environ)
        os.environ.update(sandbox.environment)
        yield sandbox
        os.environ.clear()
        os.environ.update(before)
