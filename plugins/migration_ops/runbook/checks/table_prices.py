"""What a DynamoDB table costs in each billing mode, by list prices: good enough to compare the two, not to budget."""

from __future__ import annotations

from dataclasses import dataclass

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
