"""What the performance review shows beside its findings: durations and memory of functions, steps of waves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migration_ops.core.facts import Facts
from migration_ops.core.series import total, worst_day
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.reports.tables import MakeTables, Table, each_row


def functions(estate: Facts, _: Thresholds) -> Iterator[Table]:
    yield {
        "title": "Functions: milliseconds of the slowest day, and memory",
        "head": ["Function", "Invocations", "p50", "p95", "p99", "Time-out", "MB used", "MB paid", "At once"],
        "rows": each_row(estate.at("performance_lambda.functions"), _function),
    }


def _function(function: Facts) -> list[Any]:
    times = [worst_day(function["duration"][key]) for key in ("p50", "p95", "p99")]
    used = function["memory"].maybe("maxUsedMb") if total(function["invocations"]) else None
    return [
        function["name"],
        total(function["invocations"]),
        *times,
        function["timeoutMs"],
        used,
        function["memoryMb"],
        worst_day(function["concurrent"]),
    ]


def state_machines(estate: Facts, _: Thresholds) -> Iterator[Table]:
    yield {
        "title": "State machines: minutes of the slowest day",
        "head": ["State machine", "Kind", "Ended", "p50", "p95", "p99"],
        "rows": each_row(estate.at("performance_states.stateMachines"), _machine),
    }


def _machine(machine: Facts) -> list[Any]:
    times = [worst_day(machine["executionTime"][key]) for key in ("p50", "p95", "p99")]
    ended = sum(total(series) for series in machine["ended"])
    minutes = [None if one is None else round(one / 60_000, 2) for one in times]
    return [machine["name"], machine["kind"], ended, *minutes]


def steps(estate: Facts, _: Thresholds) -> Iterator[Table]:
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
            for wave in estate.at("ledger_durations.waves")
            for one in wave["steps"]
        ],
    }


TABLES: dict[str, MakeTables] = {"Functions": functions, "State machines": state_machines, "Steps of waves": steps}
