"""One sandbox with the package's table and bucket; each test begins with both empty."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from include.local import airflow_env, resources
from include.sandbox.sandbox import Sandbox
from tests import faster_moto
from tests.runbook.backup.lab import Lab

# No pause before or between looks.
EAGER = {
    "MIGRATION_OPS_FIRST_POLL_SECONDS": "0.01",
    "MIGRATION_OPS_SETTLE_SECONDS": "0.2",
    "MIGRATION_OPS_JOB_POLL_SECONDS": "0.05",
    "MIGRATION_OPS_BOOT_POLL_SECONDS": "0.05",
}


@pytest.fixture(scope="session")
def whole_lab() -> Iterator[Lab]:
    faster_moto.install()
    with Sandbox(speed=20_000, seed="empty", shown="wall") as box:
        before = dict(os.environ)
        made = resources.make(box.environment)
        os.environ.update({**box.environment, **airflow_env.connections(box.environment), **made, **EAGER})
        yield Lab(box, made["MIGRATION_OPS_TABLE_NAME"], made["MIGRATION_OPS_EVIDENCE_BUCKET"])
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def lab(whole_lab: Lab) -> Iterator[Lab]:
    yield whole_lab
    whole_lab.box.faults.remove()
    whole_lab.empty()
