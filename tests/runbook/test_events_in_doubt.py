"""One bus, one rule that cannot be read, or is gone, takes nothing from the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from migration_ops.aws.inventory import events
from migration_ops.aws.metrics import Metric, read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.config import RunbookConfig
from migration_ops.core.facts import Snapshot, is_failed
from migration_ops.core.finding import FindingStatus
from migration_ops.core.settings import Settings
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import Check

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Events:
    """Two buses of two rules each; ``bad`` answers errors by operation and name."""

    def __init__(self, **bad: str) -> None:
        self.bad = bad

    def can_paginate(self, operation: str) -> bool:
        return operation != "list_event_buses"

    def list_event_buses(self, NextToken: str = "") -> dict[str, Any]:
        if not NextToken:
            return {"EventBuses": [{"Name": "default"}, {"Name": "one"}], "NextToken": "more"}
        return {"EventBuses": [{"Name": "two"}]}

    def get_paginator(self, operation: str) -> Any:
        def paginate(**request: Any) -> Iterator[dict[str, Any]]:
            name = request.get("Rule") or request["EventBusName"]
            if name in self.bad:
                raise ClientError({"Error": {"Code": self.bad[name], "Message": "no"}}, operation)
            if operation == "list_targets_by_rule":
                yield {"Targets": [{"Id": "1", "Arn": "arn:aws:lambda:us-east-1:1:function:f"}]}
            else:
                bus = request["EventBusName"]
                rules = [] if bus == "default" else [f"{bus}_a", f"{bus}_b"]
                yield {"Rules": [{"Name": rule, "State": "ENABLED"} for rule in rules]}

        return SimpleNamespace(paginate=paginate)


class Series:
    """CloudWatch; of the series whose number is in ``bad`` it answers a part."""

    def __init__(self, *bad: int) -> None:
        self.bad = bad

    def get_paginator(self, operation: str) -> Any:
        def paginate(**request: Any) -> Iterator[dict[str, Any]]:
            yield {
                "MetricDataResults": [
                    {
                        "Id": one["Id"],
                        "Values": [],
                        "Timestamps": [],
                        "StatusCode": "PartialData" if number in self.bad else "Complete",
                    }
                    for number, one in enumerate(request["MetricDataQueries"])
                ]
            }

        return SimpleNamespace(paginate=paginate)


def reader_of(bad: dict[str, str], *parts: int) -> AwsReader:
    clients = {"events": Events(**bad), "cloudwatch": Series(*parts)}
    return AwsReader(clients.__getitem__, RunbookConfig(), Settings(event_bus="two"), NOW, timedelta(hours=2))


def found(bad: dict[str, str]) -> dict[str, FindingStatus]:
    read = events.read(reader_of(bad))
    findings = Check("health", "events_rule_delivers").run(Snapshot({"events": read}), Thresholds())
    return {one.resource: one.verdict for one in findings}


@pytest.mark.parametrize("code", ["AccessDeniedException", "InternalException"])
def test_a_bus_that_cannot_be_read_leaves_the_others(code: str) -> None:
    assert found({"one": code}) == {
        "*": FindingStatus.UNKNOWN,
        "two/two_a": FindingStatus.OK,
        "two/two_b": FindingStatus.OK,
    }


def test_a_rule_that_cannot_be_read_is_unknown_alone() -> None:
    verdicts = found({"one_a": "AccessDeniedException"})
    assert {name for name, one in verdicts.items() if one is FindingStatus.UNKNOWN} == {"one/one_a"}
    assert len(verdicts) == 4


@pytest.mark.parametrize(("gone", "left"), [("one", 2), ("one_a", 3)])
def test_what_was_deleted_since_it_was_listed_is_gone(gone: str, left: int) -> None:
    verdicts = found({gone: "ResourceNotFoundException"})
    assert (len(verdicts), set(verdicts.values())) == (left, {FindingStatus.OK})


def test_a_series_that_was_answered_in_part_leaves_the_others() -> None:
    read = read_metrics(reader_of({}, 1), [Metric(name, "N", "M") for name in "abc"])
    assert [is_failed(read[name]) for name in "abc"] == [False, True, False]
