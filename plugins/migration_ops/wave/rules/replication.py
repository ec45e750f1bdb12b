"""The gates before and after a launch. Absent is UNKNOWN, and UNKNOWN keeps a gate shut.

What comes after a launch is in ``launch`` (the job) and ``boot`` (the instance); both are exported here too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.aws.mgn.states import (
    AGENT_BASED,
    AGENTLESS,
    CLOCKS_DIFFER_BY_SECONDS,
    LAUNCHABLE_FOR_CUTOVER,
    LIFECYCLE_STATES,
    REPLICATION_READY,
    REPLICATION_TERMINAL,
    REPLICATION_WAITING,
    SEEN_WITHIN_SECONDS,
    SNAPSHOT_WITHIN_SECONDS,
    TERMINAL_FOR_WAVE,
)
from migration_ops.core.verdict import Fact, GateResult, Verdict, blocked, combine, unknown
from migration_ops.wave.rules.boot import boot_is_lost, judge_boot
from migration_ops.wave.rules.launch import STALE_SNAPSHOT, judge_launch

__all__ = [
    "STALE_SNAPSHOT",
    "ReplicationLimits",
    "boot_is_lost",
    "judge_boot",
    "judge_launch",
    "judge_replication",
    "replication_is_terminal",
]


@dataclass(frozen=True)
class ReplicationLimits:
    """What replication is judged against. ``max_backlogged_bytes`` counts only in the final gate."""

    max_lag_seconds: float
    lifecycle: frozenset[str]
    max_backlogged_bytes: int = 0


def judge_replication(view: ServerView | None, limits: ReplicationLimits, *, final: bool = False) -> GateResult:
    """May this server be launched now? (runbook, "Replication lag analysis"; MGN DescribeSourceServers)

    :param final: the gate right before StartCutover, which also wants the backlog known and within its limit.
    :return: value is the lag in seconds as last read, limit the greatest allowed.
    """
    if view is None:
        return GateResult(
            "lag_seconds", "?", Verdict.UNKNOWN, None, limits.max_lag_seconds, "MGN does not list this server"
        )
    against = [*_existence(view), *_lifecycle(view, limits), *_replication(view), *_lag(view, limits), *_life(view)]
    if final:
        against += _backlog(view, limits)
    return combine(
        "lag_seconds",
        view.source_server_id,
        against,
        value=view.lag_seconds,
        limit=limits.max_lag_seconds,
        ok=f"{view.replication_state}, lag {view.lag_seconds:g} s" if view.lag_seconds is not None else "",
    )


def replication_is_terminal(view: ServerView, lifecycle: frozenset[str]) -> bool:
    """True when waiting cannot help: replication needs a person, or the server has left the wave's states.

    Before a test also CUTTING_OVER is terminal: a cutover that goes on never leads back there. Not so for the final
    gate, which waits for one state only: the task that asks it follows or reverts such a cutover.

    :param lifecycle: the states that are waited for; they are never terminal.
    """
    return (
        view.is_archived is True
        or view.replication_type == AGENTLESS
        or view.replication_state in REPLICATION_TERMINAL
        or view.lifecycle_state in (TERMINAL_FOR_WAVE | _terminal_before(lifecycle)) - lifecycle
    )


def _terminal_before(lifecycle: frozenset[str]) -> frozenset[str]:
    return frozenset({"CUTTING_OVER"}) if lifecycle > LAUNCHABLE_FOR_CUTOVER else frozenset()


def _existence(view: ServerView) -> Iterator[Fact]:
    if view.is_archived is True:
        yield blocked("the server is archived")
    elif view.is_archived is not False:
        yield unknown("MGN does not say whether the server is archived")


def _lifecycle(view: ServerView, limits: ReplicationLimits) -> Iterator[Fact]:
    state = view.lifecycle_state
    if state in limits.lifecycle:
        return
    if state in LIFECYCLE_STATES:
        yield blocked(f"lifecycle state is {state}, needed: {', '.join(sorted(limits.lifecycle))}")
    else:
        yield unknown(f"lifecycle state is {state or 'not given'}")


def agentless_reason(view: ServerView) -> str | None:
    """Why no wave can cut this server over; None for one with an agent."""
    if view.replication_type != AGENTLESS:
        return None
    because = f" ({view.replication_error})" if view.replication_error else ""
    return f"agentless ({AGENTLESS}){because}: a wave needs continuous replication, so install the replication agent"


def _replication(view: ServerView) -> Iterator[Fact]:
    if (reason := agentless_reason(view)) is not None:
        yield blocked(reason)
    # Answers of before agentless replication name no type.
    elif view.replication_type not in (AGENT_BASED, None):
        yield unknown(f"replication type is {view.replication_type}")
    state = view.replication_state
    because = f": {view.replication_error}" if view.replication_error else ""
    if state in REPLICATION_TERMINAL | REPLICATION_WAITING:
        yield blocked(f"replication is {state}{because}")
    elif state not in REPLICATION_READY:
        yield unknown(f"replication state is {state or 'not given'}{because}")
    elif because:
        yield blocked(f"replication reports an error{because}")


def _lag(view: ServerView, limits: ReplicationLimits) -> Iterator[Fact]:
    lag = view.lag_seconds
    if lag is None or math.isnan(lag) or lag < 0:
        yield unknown("MGN gives no lag")
    elif not lag <= limits.max_lag_seconds:  # Also shut when the limit is not a number.
        yield blocked(f"lag is {lag:.0f} s, limit {limits.max_lag_seconds:g} s")


def _backlog(view: ServerView, limits: ReplicationLimits) -> Iterator[Fact]:
    backlog = view.backlog_bytes
    if backlog is None or backlog < 0:
        yield unknown("MGN gives no backlog")
    elif backlog > limits.max_backlogged_bytes:
        yield blocked(f"backlog is {backlog} bytes, limit {limits.max_backlogged_bytes} bytes")


def _life(view: ServerView) -> Iterator[Fact]:
    """Lag and state are only as fresh as the agent's last word."""
    if view.replication_type == AGENTLESS:
        return
    for age, limit, what in (
        (view.seen_age_seconds, SEEN_WITHIN_SECONDS, "the agent was last seen"),
        (view.snapshot_age_seconds, SNAPSHOT_WITHIN_SECONDS, "the last snapshot was taken"),
    ):
        if age is None:
            yield unknown(f"MGN does not say when {what}")
        elif not -CLOCKS_DIFFER_BY_SECONDS <= age <= limit:
            ago = f"{age / 60:.0f} minutes ago, limit {limit / 60:g}" if age > 0 else "in the future: clocks differ"
            yield unknown(f"{what} {ago}")
