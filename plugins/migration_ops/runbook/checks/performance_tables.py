"""Tables of the performance review beside its findings: functions, state machines, steps of waves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migration_ops.core.facts import Snapshot
from migration_ops.core.series import total, worst_day
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.reports.tables import MakeTables, Table, each_row


def functions(estate: Snapshot, _: Thresholds) -> Iterator[Table]:
    yield {
        "title": "Functions: milliseconds of the slowest day, and memory",
        "head": ["Function", "Invocations", "p50", "p95", "p99", "Time-out", "MB used", "MB paid", "At once"],
        "rows": each_row(estate.path("performance_lambda.functions"), _function),
    }


def _function(function: Snapshot) -> list[Any]:
    times = [worst_day(function["duration"][key]) for key in ("p50", "p95", "p99")]
    used = function["memory"].optional("maxUsedMb") if total(function["invocations"]) else None
    return [
        function["name"],
        total(function["invocations"]),
        *times,
        function["timeoutMs"],
        used,
        function["memoryMb"],
        worst_day(function["concurrent"]),
    ]


def state_machines(estate: Snapshot, _: Thresholds) -> Iterator[Table]:
    yield {
        "title": "State machines: minutes of the slowest day",
        "head": ["State machine", "Kind", "Ended", "p50", "p95", "p99"],
        "rows": each_row(estate.path("performance_states.stateMachines"), _machine),
    }


def _machine(machine: Snapshot) -> list[Any]:
    times = [worst_day(machine["executionTime"][key]) for key in ("p50", "p95", "p99")]
    ended = sum(total(series) for series in machine["ended"])
    minutes = [None if one is None else round(one / 60_000, 2) for one in times]
    return [machine["name"], machine["kind"], ended, *minutes]


def steps(estate: Snapshot, _: Thresholds) -> Iterator[Table]:
    yield {
        "title": "Steps of waves: the longest stay of a migration",
        "head": ["Wave", "Step", "Minutes", "Migration", "Migrations", "Waits for people or windows"],
        "rows": [
            [
                wave["name"],
                one["phase"],
                round(one["seconds"] / 60, 1),
                one["migrationId"],
                one["total"],
                one["isWaiting"],
            ]
            for wave in estate.path("ledger_durations.waves")
            for one in wave["steps"]
        ],
    }


TABLES: dict[str, MakeTables] = {"Functions": functions, "State machines": state_machines, "Steps of waves": steps}
