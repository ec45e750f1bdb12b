"""One run of a step in a process of its own, which the test kills. Its world is the sandbox's environment."""

from __future__ import annotations

import os
from typing import Any

from migration_ops.ledger.protocol import Holder
from migration_ops.wave.plan.plan import WavePlan
from tests.wave.steps.wave_driver import Driver, services_of_environment


def run_step(
    environment: dict[str, str], plan: dict[str, Any], holder: Holder, step: str, inputs: dict[str, Any]
) -> None:
    """Runs the step to its end; it is killed before it comes there."""
    os.environ.update(environment)
    Driver(services_of_environment(holder), WavePlan.from_document(plan)).step(step, "app", **inputs)
