"""The sandbox's evaluator of Logs Insights queries, by AWS's rules for the part of the language that it knows."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from include.sandbox.insights.evaluator import Answer, check, run
from include.sandbox.insights.events import Event, events_of
from include.sandbox.insights.language import parse
from include.sandbox.insights.tokens import Malformed

MINUTE = 60_000
START = 1_764_099_000_000  # 2025-11-25 19:30:00 UTC
LINES: list[Any] = [
    {"level": "INFO", "lag": 100, "id": "a", "nested": {"deep": "x", "many": [7, 8]}},
    {"level": "ERROR", "lag": 200, "id": "a", "code": "E1"},
    {"level": "ERROR", "lag": 300.5, "id": "b", "code": "E2", "text": "10"},
    "2025 Task timed out after 3.00 seconds",
    {"level": "ERROR", "id": "b", "code": None},
    ["not", "an", "object"],
]


def group(name: str, messages: list[Any], stream: str = "one") -> Any:
    stored = [
        SimpleNamespace(
            timestamp=START + number * 2 * MINUTE,
            event_id=number,
            message=one if isinstance(one, str) else json.dumps(one),
        )
        for number, one in enumerate(messages)
    ]
    streams = {stream: SimpleNamespace(log_stream_name=stream, events=stored)}
    return SimpleNamespace(name=name, streams=streams)


def events(*groups: Any, start: int = START // 1000, end: int = START // 1000 + 3600) -> list[Event]:
    return list(events_of(groups or [group("/app", LINES)], "123456789012", start, end))


def ask(text: str, *groups: Any) -> Answer:
    return run(parse(text), events(*groups))


def column(text: str, name: str) -> list[str | None]:
    return [row.get(name) for row in ask(text).rows]


# Events and fields


def test_an_event_has_its_own_fields_and_those_of_its_json() -> None:
    row = ask("fields @timestamp, @logStream, @log, level, nested.deep, nested.many.1 | sort @timestamp asc").rows[0]
    assert row == {
        "@timestamp": "2025-11-25 19:30:00.000",
        "@logStream": "one",
        "@log": "123456789012:/app",
        "level": "INFO",
        "nested.deep": "x",
        "nested.many.1": "8",
        "@ptr": "ptr-0",
    }


def test_without_fields_there_are_time_and_message_the_newest_first() -> None:
    rows = ask("filter lag > 0").rows
    assert [set(row) for row in rows] == [{"@timestamp", "@message", "@ptr"}] * 3
    assert [row["@timestamp"] for row in rows] == sorted((row["@timestamp"] for row in rows), reverse=True)


def test_a_field_that_an_event_lacks_is_left_out_of_its_row() -> None:
    assert "code" not in ask("fields id, code | filter level = 'INFO'").rows[0]
    # JSON null is no value.
    assert len(ask("filter ispresent(code)").rows) == 2


def test_the_range_is_in_seconds_and_has_both_ends() -> None:
    whole = events(start=START // 1000, end=START // 1000)
    assert [one["level"] for one in whole] == ["INFO"]
    assert events(start=START // 1000 + 1, end=START // 1000 + 119) == []


def test_lambda_reports_have_fields_of_their_own() -> None:
    line = "REPORT RequestId: 8f5 Duration: 12.50 ms Billed Duration: 13 ms Memory Size: 128 MB Max Memory Used: 64 MB"
    rows = ask(
        'filter @type = "REPORT" | stats max(@maxMemoryUsed) as used, max(@duration) as ms',
        group("/aws/lambda/f", [line]),
    ).rows
    assert rows == [{"used": "64000000", "ms": "12.5"}]
    assert ask('filter @type = "REPORT"', group("/other", [line])).rows == []


# filter


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('level = "ERROR"', 3),
        ("level = 'error'", 0),
        ('level != "ERROR"', 1),
        ("lag > 100", 2),
        ("lag >= 100 and lag < 300", 2),
        ("lag = 300.5", 1),
        ('text = "10.0"', 1),
        ('level in ["INFO", "ERROR"]', 4),
        ('level not in ["INFO"]', 5),
        ("@message like /Task timed out|Runtime exited/", 1),
        ("@message like /task timed out/", 0),
        ("@message like /(?i)task timed out/", 1),
        ('@message like "timed out"', 1),
        ('@message not like "timed out"', 5),
        ("@message =~ /^20\\d\\d/", 1),
        ('not (level = "ERROR" or lag = 100)', 2),
        ('level = "INFO" or level = "ERROR" and lag > 250', 2),
        ("ispresent(lag)", 3),
        ("lag * 2 + 1 > 600", 1),
        ("nothing = 1", 0),
        ("nothing != 1", 0),
    ],
)
def test_filter(condition: str, expected: int) -> None:
    answer = ask(f"filter {condition}")
    assert (len(answer.rows), answer.matched, answer.scanned) == (expected, expected, 6)


# stats


def test_stats_by_time_and_field() -> None:
    rows = ask("filter ispresent(level) | stats count(*) as n by bin(5m), level | sort n desc, level desc").rows
    assert rows == [
        {"bin(5m)": "2025-11-25 19:30:00.000", "level": "ERROR", "n": "2"},
        {"bin(5m)": "2025-11-25 19:30:00.000", "level": "INFO", "n": "1"},
        {"bin(5m)": "2025-11-25 19:35:00.000", "level": "ERROR", "n": "1"},
    ]


def test_aggregations_leave_out_what_has_no_value() -> None:
    columns = ("count(*) as lines", "count(lag) as readings", "avg(lag) as mean", "min(lag) as low")
    assert ask(f"stats {', '.join(columns)}, max(lag) as high, sum(lag) as total").rows == [
        {"lines": "6", "readings": "3", "mean": "200.1667", "low": "100", "high": "300.5", "total": "600.5"}
    ]


def test_a_group_without_a_value_lacks_the_column() -> None:
    rows = ask('filter level = "ERROR" | stats count(*) as n by code | sort code asc').rows
    assert rows == [{"code": "E1", "n": "1"}, {"code": "E2", "n": "1"}, {"n": "1"}]


def test_latest_and_earliest_go_by_time() -> None:
    assert ask("stats latest(id) as last, earliest(id) as first, latest(code) as code").rows == [
        {"last": "b", "first": "a", "code": "E2"}
    ]


def test_fields_before_stats_are_dead() -> None:
    assert ask("fields @timestamp, id | stats count(*) as n").rows == [{"n": "6"}]


def test_after_stats_there_is_only_what_it_made() -> None:
    assert ask("stats max(lag) as high by id | filter ispresent(level)").rows == []
    assert len(ask("stats max(lag) as high by id | filter high > 250").rows) == 1


def test_an_unnamed_column_is_called_as_it_was_written() -> None:
    assert list(ask("stats count(*), pct(lag, 50)").rows[0]) == ["count(*)", "pct(lag, 50)"]


def test_the_mean_of_what_exceeds_a_limit_is_not_the_mean() -> None:
    """The runbook's own query, and why it is corrected."""
    biased = ask("filter lag > 150 | stats avg(lag) as mean").rows[0]["mean"]
    assert (biased, ask("stats avg(lag) as mean").rows[0]["mean"]) == ("250.25", "200.1667")


# sort and limit


def test_what_has_no_value_comes_last_and_limit_cuts() -> None:
    assert column("fields lag | sort lag asc", "lag") == ["100", "200", "300.5", None, None, None]
    assert column("fields lag | sort lag desc | limit 2", "lag") == ["300.5", "200"]


def test_comments_are_no_part_of_it() -> None:
    assert ask("# all of it | stats count(*)\nstats count(*) as n # and here").rows == [{"n": "6"}]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "scan everything",
        "filter",
        "filter level = ",
        'filter level = "unended',
        "filter level like ERROR",
        "filter @message like /(/",
        "filter level in []",
        "stats",
        "stats level",
        "stats nonsense(level)",
        "stats count(*) by bin(5)",
        "stats count(*) by",
        "filter count(*) > 1",
        "limit 0",
        "limit 10001",
        "limit many",
        'parse @message "*" as x',
        'filter level = "a" "b"',
        "fields ; drop",
    ],
)
def test_what_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        check(parse(text))
