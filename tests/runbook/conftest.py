"""One sandbox for the runbook's tests; each estate begins with an empty account."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest

from include.sandbox.moto import iam_additions
from include.sandbox.sandbox import Sandbox
from tests import faster_moto


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    faster_moto.install()
    with Sandbox(speed=600, seed="empty", shown="wall") as sandbox:
        before = dict(os.environ)
        os.environ.update(sandbox.environment)
        # Who asks right away would wait a second for its next look; what a job takes is a test's own subject.
        before_duration, iam_additions.job_duration = iam_additions.job_duration, timedelta()
        yield sandbox
        iam_additions.job_duration = before_duration
        os.environ.clear()
        os.environ.update(before)
