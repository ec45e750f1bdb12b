"""One sandbox with what a wave needs; each test has a wave and servers of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from include.local import airflow_env, resources
from include.sandbox.sandbox import Sandbox
from tests import faster_moto
from tests.operators.wave.run import Run

# No pause before or between looks.
EAGER = {
    "MIGRATION_OPS_FIRST_POLL_SECONDS": "0.01",
    "MIGRATION_OPS_SETTLE_SECONDS": "0.2",
    "MIGRATION_OPS_JOB_POLL_SECONDS": "0.05",
    "MIGRATION_OPS_BOOT_POLL_SECONDS": "0.05",
}
_numbers = count(1)


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    faster_moto.install()
    with Sandbox(speed=20_000, seed="empty", shown="wall") as sandbox:
        before = dict(os.environ)
        made = resources.make(sandbox.environment)
        os.environ.update({**sandbox.environment, **airflow_env.connections(sandbox.environment), **made, **EAGER})
        yield sandbox
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def wave(box: Sandbox) -> Iterator[Callable[..., Run]]:
    """A run of a wave with one application of one server."""

    def make(**conf: Any) -> Run:
        number = next(_numbers)
        listed = box.client.add_estate({"applications": [{"appName": "app", "servers": 1}]})["applications"]
        document = {
            "wave": f"wave-{number}",
            "dryRun": False,
            "applications": listed,
            "replication": {"samples": 1, "pollSeconds": 1, "timeoutMinutes": 1},
            "cmdb": {"enabled": False},
        }
        return Run(box, document | conf, f"run-{number}")

    yield make
    box.faults.remove()
