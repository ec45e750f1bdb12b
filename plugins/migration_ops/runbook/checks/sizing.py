"""Sizes and prices to compare: the memory to try next for a function, and a table's two billing modes by list price."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

# us-east-1, Standard table class, USD, as of November 2024 (on-demand was halved then). Other Regions differ, the
# relation between the modes hardly does.
ON_DEMAND_A_UNIT = {"reads": 0.125e-6, "writes": 0.625e-6}
PROVISIONED_A_UNIT_HOUR = {"reads": 0.000_13, "writes": 0.000_65}
HOURS_A_MONTH = 730
# Provisioned capacity that scales by itself runs at about this share of what is provided.
TARGET_USE = 0.7


@dataclass(frozen=True)
class Consumption:
    """Of one table or index: ``reads`` or ``writes``, with the units of each hour that had any."""

    of: str
    by_hour: tuple[float, ...]
    hours: float
    provisioned: float

    @property
    def on_demand_usd(self) -> float:
        """A month, at the window's rate."""
        return sum(self.by_hour) / self.hours * HOURS_A_MONTH * ON_DEMAND_A_UNIT[self.of]

    @property
    def provisioned_usd(self) -> float:
        """A month of what is provided now."""
        return self.provisioned * HOURS_A_MONTH * PROVISIONED_A_UNIT_HOUR[self.of]

    @property
    def scaled_usd(self) -> float:
        """A month, were the busiest hour provided for all the time."""
        units = max(self.by_hour, default=0.0) / 3600 / TARGET_USE
        return max(1.0, units) * HOURS_A_MONTH * PROVISIONED_A_UNIT_HOUR[self.of]


# Room above the largest use that was seen, and the steps in which a size is proposed.
HEADROOM = 1.3
STEP_MB = 64
# Limits of Lambda.
LEAST_MB, MOST_MB = 128, 10_240
# What a proposal must always say: CPU comes with memory.
CPU_NOTE = "CPU grows and shrinks with memory: compare p95 before and after, at best with power tuning"


def proposed_mb(max_used_mb: float) -> int:
    """The next step above the largest use with headroom, within Lambda's limits."""
    return min(MOST_MB, max(LEAST_MB, ceil(max_used_mb * HEADROOM / STEP_MB) * STEP_MB))
