"""What a dry run says about time and cost. Every duration names its basis; an unknown one is null."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from migration_ops.aws.mgn.servers import ServerView, moment
from migration_ops.aws.mgn.states import REPLICATION_READY, REPLICATION_TERMINAL
from migration_ops.wave.conf.model import WaveConf
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan

# Typical durations in minutes. AWS publishes only the first boot of Windows; the others are assumptions.
LAUNCH_JOB_MINUTES = 20.0  # snapshot, conversion, launch
BOOT_MINUTES = 10.0  # first boot and EC2's status checks on Linux
WINDOWS_FIRST_BOOT_MINUTES = 45.0  # MGN user guide, FAQ: the first Windows boot can take 45 minutes
TERMINATE_MINUTES = 5.0
FINALIZE_MINUTES = 2.0
CHECK_MINUTES = 1.0
# Assumptions where MGN gives no ETA: the rate of an initial sync, and how fast a lag shrinks while writes go on.
SYNC_BYTES_PER_MINUTE = 50 * 2**20 * 60
CATCH_UP_FACTOR = 2.0
_GIB = 2**30

Step = dict[str, Any]


def estimate(plan: WavePlan, views: dict[str, ServerView], now: datetime) -> list[dict[str, Any]]:
    """One row per application, in the order of the plan.

    ``cutoverStartMinute`` counts from the opening of the cutover (approval given, window open) and follows the
    dependencies. Sums with an unknown part are null.

    :param now: an aware time, from which MGN's own ETA of the initial sync is counted.
    """
    rows: list[dict[str, Any]] = []
    ends: dict[str, float | None] = {}
    for application in plan.applications:
        before = [_replication(application, plan.conf, views, now), *_test_steps(application, plan.conf)]
        during = _cutover_steps(application, plan.conf)
        start = _latest([ends[name] for name in application.depends_on])
        duration = _sum(during)
        ends[application.app_name] = None if start is None or duration is None else start + duration
        rows.append(
            {
                "appName": application.app_name,
                "level": application.level,
                "dependsOn": list(application.depends_on),
                "impact": application.impact,
                "servers": len(application.servers),
                "steps": [*before, *during, *_finish_steps(plan.conf)],
                "testMinutes": _sum(before),
                "cutoverMinutes": duration,
                "cutoverStartMinute": start,
                "facts": _facts(application, plan.conf, views),
            }
        )
    return rows


def _step(name: str, minutes: float | None, basis: str) -> Step:
    return {"step": name, "minutes": None if minutes is None else round(minutes, 1), "basis": basis}


def _sum(steps: list[Step]) -> float | None:
    values = [one["minutes"] for one in steps]
    return None if None in values else round(sum(values), 1)


def _latest(ends: list[float | None]) -> float | None:
    known = [one for one in ends if one is not None]
    return None if len(known) < len(ends) else max(known, default=0.0)


def _replication(application: PlannedApplication, conf: WaveConf, views: dict[str, ServerView], now: datetime) -> Step:
    """The slowest server decides."""
    limits = conf.replication
    waits = [_remaining(views.get(one), limits.max_lag_seconds, now) for one in application.server_ids]
    unknown = next((basis for minutes, basis in waits if minutes is None), None)
    if unknown is not None:
        return _step("replicationReady", None, unknown)
    slowest, basis = max((minutes or 0.0, basis) for minutes, basis in waits)
    samples = limits.samples * limits.poll_seconds / 60
    return _step("replicationReady", slowest + samples, f"{basis}, then {limits.samples} good polls")


def _remaining(view: ServerView | None, max_lag_seconds: float, now: datetime) -> tuple[float | None, str]:
    if view is None:
        return None, "unknown: a server is not listed by MGN"
    if view.replication_state in REPLICATION_TERMINAL or view.replication_error:
        return None, f"unknown: replication is {view.replication_state} {view.replication_error or ''}".rstrip()
    if view.replication_state in REPLICATION_READY and view.lag_seconds is not None:
        over = max(0.0, view.lag_seconds - max_lag_seconds)
        return over / 60 / CATCH_UP_FACTOR, "replication is continuous" if not over else "lag over the limit"
    eta = moment(view.eta)
    if eta:
        return max(0.0, (eta - now).total_seconds() / 60), "MGN's own ETA"
    if view.total_bytes and view.replicated_bytes is not None:
        left = max(0, view.total_bytes - view.replicated_bytes) + (view.backlog_bytes or 0)
        return left / SYNC_BYTES_PER_MINUTE, "bytes left at an assumed 50 MiB/s"
    return None, "unknown: MGN gives neither lag nor progress"


def _verify(name: str, application: PlannedApplication) -> Step:
    minutes = BOOT_MINUTES + CHECK_MINUTES * len(application.checks)
    return _step(name, minutes, f"typical; up to {WINDOWS_FIRST_BOOT_MINUTES:g} for the first boot of Windows")


def _test_steps(application: PlannedApplication, conf: WaveConf) -> list[Step]:
    if not conf.test_launch:
        return []
    return [
        _step("testLaunch", LAUNCH_JOB_MINUTES, "typical"),
        _verify("testVerify", application),
        _step("markReady", TERMINATE_MINUTES, "typical"),
    ]


def _cutover_steps(application: PlannedApplication, conf: WaveConf) -> list[Step]:
    quiesce = conf.quiesce
    return [
        *([_step("quiesce", CHECK_MINUTES, f"typical; up to {quiesce.timeout_minutes:g}")] if quiesce else []),
        _step("finalSync", CHECK_MINUTES, f"typical; up to {conf.final_sync.timeout_minutes:g}"),
        _step("cutover", LAUNCH_JOB_MINUTES, "typical"),
        _verify("cutoverVerify", application),
    ]


def _finish_steps(conf: WaveConf) -> list[Step]:
    soak = [_step("soak", conf.soak_minutes, "conf")] if conf.soak_minutes else []
    return [*soak, *([_step("finalize", FINALIZE_MINUTES, "typical")] if conf.finalize else [])]


def _facts(application: PlannedApplication, conf: WaveConf, views: dict[str, ServerView]) -> dict[str, Any]:
    """What costs money: staging disks until finalize, test instances for hours, cutover instances from then on."""
    sizes = [view.total_bytes if (view := views.get(one)) else None for one in application.server_ids]
    known = [size for size in sizes if size is not None]
    return {
        "stagedGiB": round(sum(known) / _GIB, 1) if len(known) == len(sizes) else None,
        "serversOfUnknownSize": len(sizes) - len(known),
        "testInstances": len(application.servers) if conf.test_launch else 0,
        "cutoverInstances": len(application.servers),
    }
