"""Proposals: the memory to try next for a function, and the price of a table in both billing modes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

# us-east-1, Standard table class, USD, as of November 2024 (on-demand was halved then). Prices of other Regions
# differ, but hardly the relation between the modes.
ON_DEMAND_A_UNIT = {"reads": 0.125e-6, "writes": 0.625e-6}
PROVISIONED_A_UNIT_HOUR = {"reads": 0.000_13, "writes": 0.000_65}
HOURS_A_MONTH = 730
# Auto scaling keeps the used share of the provisioned capacity at about this value.
TARGET_USE = 0.7


@dataclass(frozen=True)
class Consumption:
    """
    What one table or index consumed.

    :param of: ``reads`` or ``writes``.
    :param by_hour: capacity units, of each hour that had any.
    :param hours: length of the window.
    :param provisioned: capacity units per second.
    """

    of: str
    by_hour: tuple[float, ...]
    hours: float
    provisioned: float

    @property
    def on_demand_usd(self) -> float:
        """USD a month, on demand, at the window's rate."""
        return sum(self.by_hour) / self.hours * HOURS_A_MONTH * ON_DEMAND_A_UNIT[self.of]

    @property
    def provisioned_usd(self) -> float:
        """USD a month for the capacity that is provisioned now."""
        return self.provisioned * HOURS_A_MONTH * PROVISIONED_A_UNIT_HOUR[self.of]

    @property
    def scaled_usd(self) -> float:
        """USD a month, if the capacity of the busiest hour were provisioned all the time."""
        units = max(self.by_hour, default=0.0) / 3600 / TARGET_USE
        return max(1.0, units) * HOURS_A_MONTH * PROVISIONED_A_UNIT_HOUR[self.of]


# Factor above the largest use that was seen, and the step of proposed sizes.
HEADROOM = 1.3
STEP_MB = 64
# Limits of Lambda.
LEAST_MB, MOST_MB = 128, 10_240
# What a proposal must always say: CPU comes with memory.
CPU_NOTE = "CPU grows and shrinks with memory: compare p95 before and after, at best with power tuning"


def proposed_mb(max_used_mb: float) -> int:
    """Memory in MB: the next step above the largest use with headroom, within Lambda's limits."""
    return min(MOST_MB, max(LEAST_MB, ceil(max_used_mb * HEADROOM / STEP_MB) * STEP_MB))
