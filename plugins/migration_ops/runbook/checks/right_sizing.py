"""The memory size to try next for a function, from what it really used."""

from __future__ import annotations

from math import ceil

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
