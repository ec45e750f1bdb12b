"""Which series a dashboard shows: CloudWatch's shorthand written out, expressions and other Regions left out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migration_ops.core.errors import Unknown
from migration_ops.runbook.dashboard import metrics_of


def body(*lines: Any, **properties: Any) -> str:
    return json.dumps({"widgets": [{"type": "metric", "properties": {"metrics": list(lines), **properties}}]})


def shown(text: str) -> list[tuple[str, str, dict[str, str], str, int]]:
    found = metrics_of(text, "us-east-1")
    return [(one.namespace, one.name, dict(one.dimensions), one.statistic, one.period_seconds) for one in found]


def test_a_line_is_namespace_name_dimensions_and_options() -> None:
    text = body(["AWS/SQS", "Age", "QueueName", "a", {"stat": "Maximum", "period": 60}], ["App", "Ended"])
    assert shown(text) == [
        ("AWS/SQS", "Age", {"QueueName": "a"}, "Maximum", 60),
        ("App", "Ended", {}, "Average", 300),
    ]


def test_the_widget_says_what_its_lines_do_not() -> None:
    assert shown(body(["App", "Ended"], stat="Sum", period=900)) == [("App", "Ended", {}, "Sum", 900)]


def test_dots_repeat_the_line_above() -> None:
    text = body(
        ["AWS/SQS", "Age", "QueueName", "a"],
        [".", "Depth", ".", "."],
        ["...", "b"],
        [{"expression": "m1"}],
        ["...", "c"],
    )
    assert [(name, dimensions) for _, name, dimensions, _, _ in shown(text)] == [
        ("Age", {"QueueName": "a"}),
        ("Depth", {"QueueName": "a"}),
        ("Depth", {"QueueName": "b"}),
        ("Depth", {"QueueName": "c"}),
    ]


def test_the_same_series_twice_is_two() -> None:
    keys = [one.key for one in metrics_of(body(["App", "Lag"], ["App", "Lag"]), "us-east-1")]
    assert len(set(keys)) == 2


def test_what_is_elsewhere_or_no_metric_is_left_out() -> None:
    assert shown(body(["App", "Lag"], region="eu-west-1")) == []
    assert shown(body(["App", "Lag", {"region": "eu-west-1"}], ["App", "Lag"])) == [("App", "Lag", {}, "Average", 300)]
    assert shown(json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "hello"}}]})) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"widgets": [1]}', "<html>"])
def test_what_is_no_dashboard_is_unknown(text: str) -> None:
    with pytest.raises(Unknown):
        metrics_of(text, "us-east-1")
