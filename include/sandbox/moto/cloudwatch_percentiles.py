"""Percentiles in GetMetricData (``p50`` … ``p99.9``): moto 5.2.5 answers nothing for them.

As AWS: from single values only; of aggregated ones a percentile is known only when all of them are equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from math import ceil
from typing import Any

from moto.cloudwatch.models import Statistics

_PERCENTILE = re.compile(r"^p(\d{1,2}(?:\.\d{1,10})?|100)$")


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(Statistics, "_has_percentiles", False):
        return
    Statistics.get_statistics_for_type = _with_percentiles(Statistics.get_statistics_for_type)
    Statistics._has_percentiles = True


def _with_percentiles(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def statistic(self: Statistics, stat: str) -> Any:
        wanted = _PERCENTILE.match(stat)
        if not wanted:
            return original(self, stat)
        values = sorted(self.metric_single_values_list)
        # The smallest value at or below which so many percent of the values lie.
        return values[max(0, ceil(float(wanted[1]) / 100 * len(values)) - 1)] if values else None

    return statistic
