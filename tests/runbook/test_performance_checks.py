"""The performance review's judgements at their limits, and of what was not read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migration_ops.core.errors import Unknown
from migration_ops.core.finding import FindingVerdict
from migration_ops.ledger.protocol import HistoryEntry
from migration_ops.runbook.performance.right_sizing import proposed_mb
from migration_ops.runbook.readers.ledger_durations import seconds_by_phase
from migration_ops.runbook.readers.performance_lambda import memory_of
from tests.runbook.judged import NOT_READ, one, run, series

OK, WARNING = FindingVerdict.OK, FindingVerdict.WARNING
CRITICAL, UNKNOWN = FindingVerdict.CRITICAL, FindingVerdict.UNKNOWN


def a_function(**changes: Any) -> dict[str, Any]:
    return {
        "timeoutMs": 60_000,
        "memoryMb": 512,
        "invocations": series(100, 90),
        "throttles": series(),
        "concurrent": series(3, 4),
        "duration": {key: series(value) for key, value in (("p50", 100), ("p95", 200), ("p99", 300), ("max", 400))},
        "concurrency": {},
        "provisioned": [],
        "memory": {"lines": 190, "maxUsedMb": 256, "isSample": False},
    } | changes


def p99(*values: float) -> dict[str, Any]:
    return a_function()["duration"] | {"p99": series(*values)}


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, OK),
        ({"duration": p99(47_999, 48_000)}, OK),
        ({"duration": p99(48_100, 100)}, WARNING),
        ({"duration": p99(60_000)}, CRITICAL),
        ({"duration": p99()}, UNKNOWN),
        ({"duration": p99(), "invocations": series()}, OK),
        ({"duration": NOT_READ}, UNKNOWN),
        ({"invocations": NOT_READ}, UNKNOWN),
    ],
)
def test_p99_against_the_timeout(changes: dict[str, Any], verdict: FindingVerdict) -> None:
    assert one("performance", "lambda_duration_near_timeout", a_function(**changes)).verdict is verdict


@pytest.mark.parametrize(
    ("used", "too_small", "too_large"),
    [
        (512, CRITICAL, OK),
        (470, WARNING, OK),
        (460, OK, OK),
        (154, OK, OK),
        (153, OK, WARNING),
        (None, UNKNOWN, UNKNOWN),
    ],
)
def test_memory_used_against_memory_paid(
    used: int | None, too_small: FindingVerdict, too_large: FindingVerdict
) -> None:
    function = a_function(memory={"lines": 3, "maxUsedMb": used, "isSample": False})
    assert one("performance", "lambda_memory_too_small", function).verdict is too_small
    assert one("performance", "lambda_memory_too_large", function).verdict is too_large


def test_the_smallest_function_is_not_too_large() -> None:
    function = a_function(memoryMb=128, memory={"lines": 3, "maxUsedMb": 20, "isSample": False})
    assert one("performance", "lambda_memory_too_large", function).verdict is OK


def test_a_log_that_could_not_be_read_says_nothing_of_memory() -> None:
    for check in ("lambda_memory_too_small", "lambda_memory_too_large"):
        assert one("performance", check, a_function(memory=NOT_READ)).verdict is UNKNOWN


def test_a_proposal_has_room_above_what_was_used() -> None:
    assert [proposed_mb(used) for used in (10, 100, 250, 12_000)] == [128, 192, 384, 10_240]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "REPORT RequestId: x Duration: 1 ms Memory Size: 512 MB Max Memory Used: 141 MB Init Duration: 9 ms",
            (141, 512),
        ),
        (
            json.dumps(
                {"type": "platform.report", "record": {"metrics": {"maxMemoryUsedMB": 77, "memorySizeMB": 128}}}
            ),
            (77, 128),
        ),
        ("START RequestId: x", None),
        ("REPORT RequestId: x without numbers", None),
        ('{"record": []}', None),
    ],
)
def test_report_lines_of_both_log_formats(line: str, found: tuple[int, int] | None) -> None:
    assert memory_of(line) == found


@pytest.mark.parametrize(
    ("reserved", "peak", "verdict"),
    [(10, (9,), OK), (10, (10,), WARNING), (10, (), OK), (0, (), WARNING)],
)
def test_reserved_concurrency(reserved: int, peak: tuple[float, ...], verdict: FindingVerdict) -> None:
    function = a_function(concurrency={"ReservedConcurrentExecutions": reserved}, concurrent=series(*peak))
    assert one("performance", "lambda_reserved_concurrency_reached", function).verdict is verdict


def test_without_reserved_concurrency_there_is_nothing_to_reach() -> None:
    found = one("performance", "lambda_reserved_concurrency_reached", a_function())
    assert (found.resource, found.verdict) == ("*", OK)


def config(**changes: Any) -> dict[str, Any]:
    return {
        "qualifier": "live",
        "status": "READY",
        "statusReason": None,
        "requested": 5,
        "utilization": series(0.4),
        "invocations": series(9),
        "spillovers": series(),
    } | changes


@pytest.mark.parametrize(
    ("configs", "verdict"),
    [
        ([config()], OK),
        ([config(utilization=series(0.05))], WARNING),
        ([config(), config(qualifier="7", utilization=series())], WARNING),
        ([config(status="FAILED")], WARNING),
        ([config(utilization=NOT_READ)], UNKNOWN),
        (NOT_READ, UNKNOWN),
    ],
)
def test_provisioned_concurrency(configs: Any, verdict: FindingVerdict) -> None:
    function = a_function(provisioned=configs)
    assert one("performance", "lambda_provisioned_concurrency_unused", function).verdict is verdict


@pytest.mark.parametrize(
    ("times", "ended", "verdict"),
    [((43_200_000,), (1,), OK), ((43_300_000,), (1,), WARNING), ((), (1,), UNKNOWN), ((), (), OK)],
)
def test_execution_time(times: tuple[float, ...], ended: tuple[float, ...], verdict: FindingVerdict) -> None:
    machine = {
        "kind": "STANDARD",
        "executionTime": {key: series(*times) for key in ("p50", "p95", "p99")},
        "ended": [series(*ended), series()],
    }
    assert one("performance", "states_execution_duration", machine).verdict is verdict


@pytest.mark.parametrize(
    ("latest", "verdict"),
    [
        ([{"name": "a", "transitions": 1_000}], OK),
        ([{"name": "a", "transitions": 3}, {"name": "b", "transitions": 1_001}], WARNING),
        ([{"name": "a", "transitions": NOT_READ}], UNKNOWN),
        ([], OK),
        (NOT_READ, UNKNOWN),
    ],
)
def test_transitions(latest: Any, verdict: FindingVerdict) -> None:
    machine = {"kind": "STANDARD", "latest": latest}
    assert one("performance", "states_transitions_per_execution", machine).verdict is verdict


@pytest.mark.parametrize(
    ("own", "of_index", "verdict"),
    [
        (series(100), series(400), OK),
        (series(100), series(401), WARNING),
        (series(), series(), OK),
        (series(), series(5), UNKNOWN),
        (NOT_READ, series(5), UNKNOWN),
        (series(100), NOT_READ, UNKNOWN),
    ],
)
def test_writes_of_indexes(own: Any, of_index: Any, verdict: FindingVerdict) -> None:
    parts = [
        {"name": "thing", "table": "thing", "kind": "table", "writes": own},
        {"name": "thing/index/a", "table": "thing", "kind": "index", "writes": of_index},
        {"name": "other", "table": "other", "kind": "table", "writes": NOT_READ},
    ]
    found = one("performance", "dynamodb_index_write_amplification", {"indexes": ["a"]}, {"parts": parts})
    assert found.verdict is verdict


def test_a_throttle_of_a_single_partition_is_a_hot_key() -> None:
    part = {name: series() for name in ("hotReads", "hotWrites", "readThrottles", "writeThrottles", "reads", "writes")}
    assert one("performance", "dynamodb_hot_key", part).verdict is OK
    # Refused for the table's own capacity: another fault, of which the health check tells.
    assert one("performance", "dynamodb_hot_key", part | {"writeThrottles": series(9)}).verdict is OK
    assert one("performance", "dynamodb_hot_key", part | {"hotReads": series(1)}).verdict is WARNING


def step(phase: str, minutes: float, *, is_waiting: bool = False) -> dict[str, Any]:
    return {"phase": phase, "isWaiting": is_waiting, "seconds": minutes * 60, "migrationId": "mig-1", "total": 1}


@pytest.mark.parametrize(
    ("steps", "verdict", "value"),
    [
        ([step("READY", 900, is_waiting=True), step("CUTTING_OVER", 119)], OK, 119),
        ([step("TEST_LAUNCHING", 10), step("CUTTING_OVER", 121)], WARNING, 121),
        ([step("READY", 900, is_waiting=True)], OK, None),
    ],
)
def test_the_longest_step(steps: list[dict[str, Any]], verdict: FindingVerdict, value: float | None) -> None:
    found = one("performance", "ledger_slow_step", {"steps": steps})
    assert (found.verdict, found.value) == (verdict, value)


def test_no_wave_ended_is_well_and_an_unread_ledger_is_not() -> None:
    assert run("performance", "ledger_slow_step", {"ledger_durations": {"waves": []}})[0].verdict is OK
    assert run("performance", "ledger_slow_step", {"ledger_durations": {"waves": NOT_READ}})[0].verdict is UNKNOWN


def line(sequence: int, at: str, phase: str) -> HistoryEntry:
    return HistoryEntry("mig-1", sequence, at, phase, "event", {}, "", "")


def test_stays_in_a_phase_are_added_up() -> None:
    history = [
        line(1, "2026-05-01T10:00:00.000Z", "READY"),
        line(2, "2026-05-01T10:10:00.000Z", "CUTTING_OVER"),
        line(3, "2026-05-01T10:30:00.000Z", "READY"),
        line(4, "2026-05-01T10:35:00.000Z", "FAILED"),
    ]
    assert seconds_by_phase(history) == {"READY": 900.0, "CUTTING_OVER": 1200.0}


def test_a_line_without_a_time_is_not_taken_for_no_time() -> None:
    with pytest.raises(Unknown):
        seconds_by_phase([line(1, "", "READY"), line(2, "2026-05-01T10:10:00.000Z", "FAILED")])
