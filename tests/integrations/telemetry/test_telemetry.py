"""What operators see: lines, metrics and events, best effort but never silently lost."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from migration_ops.core.settings import Settings
from migration_ops.core.states import Phase
from migration_ops.integrations.telemetry.batches import by_size, log_batches, redacted
from migration_ops.integrations.telemetry.telemetry import LOGGER_NAME, Telemetry
from migration_ops.ledger.protocol import Record
from tests.ledger.builders import a_record
from tests.moto_account import make_client, moto_endpoint  # noqa: F401 - fixtures

NOW = datetime(2030, 1, 1, tzinfo=UTC)


class Recording:
    """Clients that keep what they were asked, and answer or fail as told."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.calls = answers, []

    def __call__(self, service: str) -> Recording:
        return self

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            self.calls.append((name, request))
            answer = self.answers.get(name, {})
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def requests(self, name: str) -> list[dict[str, Any]]:
        return [request for called, request in self.calls if called == name]


def telemetry(client: Any, **settings: Any) -> Telemetry:
    return Telemetry(client, Settings(**settings), now=lambda: NOW)


def failed(number: int = 1, **changes: Any) -> Record:
    about = {"phase": Phase.FAILED, "error_code": "X", "error_message": "m", "correlation_id": "c"}
    return a_record(number, **(about | changes))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    with caplog.at_level(logging.INFO, LOGGER_NAME):
        yield lambda: [json.loads(one.getMessage()) for one in caplog.records if one.name == LOGGER_NAME]


def test_a_line_carries_what_the_runbook_asks_for(lines: Any) -> None:
    telemetry(Recording()).transition(failed(replication_lag_seconds=0.0), "stopped", {"why": "because"})
    [line] = lines()
    assert line == {
        "timestamp": "2030-01-01T00:00:00.000+00:00",
        "level": "ERROR",
        "event": "stopped",
        "correlationId": "c",
        "migrationId": "mig-web001",
        "wave": "wave-3",
        "appName": "billing",
        "sourceServerId": a_record().source_server_id,
        "status": "FAILED",
        "phase": "FAILED",
        "replicationLag": 0.0,
        "errorCode": "X",
        "errorMessage": "m",
        "detail": {"why": "because"},
    }


def test_what_is_not_known_is_absent(lines: Any) -> None:
    telemetry(Recording()).transition(a_record(), "registered")
    [line] = lines()
    assert not {"replicationLag", "errorCode", "correlationId", "detail"} & set(line)
    assert line["level"] == "INFO"


def test_no_secret_reaches_the_log(lines: Any, caplog: pytest.LogCaptureFixture) -> None:
    detail = {"headers": [{"Authorization": "s3cr3t"}], "apiKey": "s3cr3t", "webhook-signature": "s3cr3t", "ok": 1}
    telemetry(Recording()).transition(a_record(), "called", detail)
    assert "s3cr3t" not in caplog.text
    assert lines()[0]["detail"]["ok"] == 1
    assert redacted({"a": ({"password": 1},)}) == {"a": [{"password": "[redacted]"}]}


def test_a_large_detail_is_cut_visibly(lines: Any) -> None:
    telemetry(Recording()).transition(a_record(), "called", {"x": "y" * 9000})
    assert lines()[0]["detail"]["truncated"] is True


def test_a_hundred_servers_of_one_application_are_one_call_each() -> None:
    client = Recording()
    with telemetry(client) as one:
        for number in range(100):
            one.transition(failed(number), "stopped")
    assert [name for name, _ in client.calls] == ["put_metric_data", "put_events"]
    [entry] = client.requests("put_events")[0]["Entries"]
    detail = json.loads(entry["Detail"])
    assert (detail["status"], detail["appName"], len(detail["migrations"])) == ("FAILED", "billing", 100)
    assert entry["EventBusName"] == "custom-migration-bus"
    [request] = client.requests("put_metric_data")
    assert request["Namespace"] == "MigrationOrchestration"
    assert {tuple(datum["Values"]) for datum in request["MetricData"]} == {(1.0,) * 100}


@pytest.mark.parametrize(
    ("phase", "metric"),
    [
        (Phase.FINALIZED, "MigrationsCompleted"),
        (Phase.FAILED, "MigrationsFailed"),
        (Phase.ROLLED_BACK, "MigrationsRolledBack"),
        (Phase.FROZEN, "MigrationsFrozen"),
    ],
)
def test_an_end_is_counted_once_with_and_without_its_wave(phase: Phase, metric: str) -> None:
    client = Recording()
    with telemetry(client) as one:
        one.transition(a_record(phase=phase), "ended", previous=a_record(phase=Phase.CUTTING_OVER))
        one.transition(a_record(phase=phase), "cmdb_updated", previous=a_record(phase=phase))
    data = client.requests("put_metric_data")[0]["MetricData"]
    assert {(datum["MetricName"], datum["Unit"], tuple(datum["Values"])) for datum in data} == {
        (metric, "Count", (1.0,))
    }
    by_wave = [{"Name": "Wave", "Value": "wave-3"}]
    assert sorted((datum["Dimensions"] for datum in data), key=str) == sorted([[], by_wave], key=str)


def test_the_bus_hears_of_news_only() -> None:
    client = Recording()
    before = a_record(phase=Phase.READY)
    with telemetry(client) as one:
        one.transition(before, "registered")
        one.transition(before, "approved", previous=before)
        one.transition(a_record(phase=Phase.READY, error_code="OOPS"), "failed", previous=before)
        one.transition(a_record(phase=Phase.CUTTING_OVER), "cutting over", previous=before)
    [request] = client.requests("put_events")
    heard = [json.loads(entry["Detail"])["event"] for entry in request["Entries"]]
    assert heard == ["registered", "failed", "cutting over"]


@pytest.mark.parametrize(("phase", "measured"), [(Phase.READY, True), (Phase.FINALIZED, False)])
def test_lag_is_measured_while_it_is_news(phase: Phase, measured: bool) -> None:
    client = Recording()
    with telemetry(client) as one:
        one.transition(a_record(phase=phase, replication_lag_seconds=12.5), "step", previous=a_record(phase=phase))
    data = [datum for request in client.requests("put_metric_data") for datum in request["MetricData"]]
    assert bool(data) is measured
    assert all(datum["Values"] == [12.5] and datum["Unit"] == "Seconds" for datum in data)


def test_entries_that_the_bus_refused_are_counted_and_logged(lines: Any) -> None:
    client = Recording(put_events={"FailedEntryCount": 1})
    with telemetry(client) as one:
        one.transition(a_record(), "registered")
    assert one.failures == {"events": 1}
    assert lines()[-1] == {
        "level": "WARNING",
        "event": "telemetry_lost",
        "channel": "events",
        "lost": 1,
        "cause": "refused",
    }


def test_nothing_that_fails_stops_the_step(lines: Any) -> None:
    dead = EndpointConnectionError(endpoint_url="http://127.0.0.1")
    client = Recording(put_events=dead, put_metric_data=dead)
    with telemetry(client) as one:
        one.transition(failed(), "stopped")
    assert one.failures == {"events": 1, "metrics": 2}
    assert {line["channel"] for line in lines() if line["event"] == "telemetry_lost"} == {"events", "metrics"}


def test_a_client_that_cannot_be_built_does_not_either() -> None:
    def no_client(service: str) -> Any:
        raise RuntimeError("no connection")

    with telemetry(no_client) as one:
        one.transition(failed(), "stopped")
    assert one.failures == {"events": 1, "metrics": 2}


def test_a_block_that_fails_still_sends_and_fails() -> None:
    client = Recording()

    def fail() -> None:
        with telemetry(client) as one:
            one.transition(failed(), "stopped")
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        fail()
    assert len(client.calls) == 2


def test_channels_can_be_switched_off() -> None:
    client = Recording()
    with telemetry(client, event_bus="", metrics_namespace="") as one:
        one.transition(failed(), "stopped")
    assert client.calls == []


def test_more_than_ten_events_are_several_calls() -> None:
    client = Recording()
    with telemetry(client) as one:
        for number in range(11):
            one.transition(a_record(number, app_name=f"app-{number}"), "registered")
    assert [len(request["Entries"]) for request in client.requests("put_events")] == [10, 1]


def test_events_and_lines_stay_below_their_sizes() -> None:
    assert [len(some) for some in by_size([{"x": "y" * 150_000}] * 3)] == [1, 1, 1]
    batches = list(log_batches([(1, "x" * 600_000)] * 3))
    assert [len(one) for one in batches] == [1, 1, 1]
    assert sum(map(len, log_batches([(1, "x")] * 10_001))) == 10_001


def test_on_moto_lines_metrics_and_events_arrive(make_client: Callable[..., Any]) -> None:  # noqa: F811
    logs, settings = make_client("logs"), Settings(log_group="/migration/telemetry", event_bus="default")
    logs.create_log_group(logGroupName=settings.log_group)
    one = Telemetry(make_client, settings, log_stream="run-1")
    for number in range(2):
        one.transition(failed(number, replication_lag_seconds=3.0, phase=Phase.FROZEN), "stopped")
        one.flush()
    assert one.failures == {}
    events = logs.filter_log_events(logGroupName=settings.log_group)["events"]
    assert [json.loads(event["message"])["migrationId"] for event in events] == ["mig-web000", "mig-web001"]
    metrics = make_client("cloudwatch").list_metrics(Namespace="MigrationOrchestration")["Metrics"]
    assert {metric["MetricName"] for metric in metrics} == {"MigrationsFrozen"}
