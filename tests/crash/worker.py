"""One run of a step in a process of its own, which the test kills. Its world is the sandbox's environment."""

from __future__ import annotations

import os
import time
from typing import Any

from migration_ops.ledger.protocol import Holder
from migration_ops.wave.plan.plan import WavePlan
from tests.wave.steps.wave_driver import Driver, services_of_environment


class SleptTime:
    """Stands in for the sandbox and its clock, which are in another process: the same time, but pauses are slept."""

    def __init__(self, ahead_seconds: float) -> None:
        self.ahead_seconds, self.clock = ahead_seconds, self

    def real(self) -> float:
        return time.time() + self.ahead_seconds

    def skip(self, seconds: float) -> None:
        time.sleep(seconds)

    def run_due(self) -> None:
        """The sandbox's ticker does."""


def run_step(
    environment: dict[str, str],
    ahead_seconds: float,
    plan: dict[str, Any],
    holder: Holder,
    step: str,
    inputs: dict[str, Any],
) -> None:
    """Runs the step to its end; it is killed before it comes there.

    :param ahead_seconds: how far the sandbox's real time is ahead of this machine's.
    """
    os.environ.update(environment)
    world = SleptTime(ahead_seconds)
    Driver(services_of_environment(holder, world), WavePlan.from_document(plan), world).step(step, "app", **inputs)
