"""No value and no failure of one channel takes anything else with it; no call is larger than AWS takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from include.sandbox.moto import telemetry_limits
from migration_ops.core.field_text import METRIC_DIMENSION_CHARACTERS, metric_dimension
from migration_ops.core.settings import Settings
from migration_ops.core.states import Phase
from migration_ops.integrations.telemetry.batches import by_size, event_calls
from migration_ops.integrations.telemetry.telemetry import Telemetry
from migration_ops.ledger.protocol import Record
from tests.ledger.builders import a_record
from tests.moto_account import make_client, moto_endpoint  # noqa: F401 - fixtures

NOW = datetime(2030, 1, 1, tzinfo=UTC)
NAMES = ["Welle Köln", ":x", "波", "a\nb", "\x1b[31mred", "x" * 3000, " ", "wave-1\x7f", "🚀 move"]


@pytest.fixture(autouse=True, scope="module")
def _as_aws_refuses() -> None:
    telemetry_limits.install()


def frozen(number: int = 1, **changes: Any) -> Record:
    about: dict[str, Any] = {"phase": Phase.FROZEN, "error_code": "X", "error_message": "m", "correlation_id": "c"}
    return a_record(number, **(about | changes))


@pytest.mark.parametrize("name", NAMES)
def test_a_waves_name_silences_no_alarm(make_client: Callable[..., Any], name: str) -> None:  # noqa: F811
    namespace = f"N{abs(hash(name))}"
    with Telemetry(make_client, Settings(event_bus="default", metrics_namespace=namespace), now=lambda: NOW) as one:
        one.transition(frozen(wave=name), "frozen")
    assert one.failures == {}
    found = make_client("cloudwatch").list_metrics(Namespace=namespace)["Metrics"]
    assert sorted(len(metric["Dimensions"]) for metric in found) == [0, 1]


class RefusesDimensions:
    """A client as of an account where something in between refuses every metric with a dimension."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def __call__(self, service: str) -> RefusesDimensions:
        return self

    def put_metric_data(self, MetricData: list[dict[str, Any]], **_: Any) -> None:
        if any(datum["Dimensions"] for datum in MetricData):
            raise ClientError({"Error": {"Code": "InvalidParameterValue"}}, "PutMetricData")
        self.taken += [datum["MetricName"] for datum in MetricData]


def test_what_alarms_stand_on_shares_no_call_with_a_dimension() -> None:
    client = RefusesDimensions()
    with Telemetry(client, Settings(event_bus=""), now=lambda: NOW) as one:
        one.transition(frozen(), "frozen")
    assert client.taken == ["MigrationsFrozen"]
    assert one.failures == {"metrics": 1}


@pytest.mark.parametrize("name", NAMES)
def test_a_dimension_is_what_cloudwatch_takes_and_tells_waves_apart(name: str) -> None:
    assert telemetry_limits.is_dimension(metric_dimension(name))
    assert len(metric_dimension(name)) <= METRIC_DIMENSION_CHARACTERS
    assert len({metric_dimension(one) for one in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", ["wave-1", "Wave [3] 50%", "x" * 1024, "a:b"])
def test_a_name_that_fits_stays_as_it_is(name: str) -> None:
    assert metric_dimension(name) == name


def test_ten_applications_of_a_hundred_servers_reach_the_bus(make_client: Callable[..., Any]) -> None:  # noqa: F811
    with Telemetry(make_client, Settings(event_bus="default", metrics_namespace=""), now=lambda: NOW) as one:
        for app in range(10):
            for number in range(100):
                one.transition(a_record(app * 100 + number, app_name=f"app-{app}"), "registered")
    assert one.failures == {}


def test_an_application_of_two_hundred_frozen_servers_reaches_the_bus(make_client: Callable[..., Any]) -> None:  # noqa: F811
    with Telemetry(make_client, Settings(event_bus="default", metrics_namespace=""), now=lambda: NOW) as one:
        for number in range(200):
            one.transition(frozen(number, error_message="ü" * 1000), "frozen")
    assert one.failures == {}


def test_no_call_is_larger_than_the_bus_takes_and_nothing_is_left_out() -> None:
    entries = [{"Source": "s", "DetailType": "d", "Detail": "ü" * 40_000, "Time": NOW, "n": n} for n in range(25)]
    calls = list(event_calls(entries))
    assert [one["n"] for call in calls for one in call] == list(range(25))
    for call in calls:
        assert len(call) <= 10
        assert sum(map(telemetry_limits.entry_bytes, call)) <= telemetry_limits.REQUEST_BYTES


def test_migrations_of_unlike_size_are_grouped_by_their_sum() -> None:
    small, large = {"x": "y" * 1_000}, {"x": "ü" * 60_000}
    groups = by_size([large, *[small] * 50, large])
    assert [one for some in groups for one in some] == [large, *[small] * 50, large]
    assert len(groups) <= 3
    assert all(len(json.dumps(some, ensure_ascii=False).encode()) < telemetry_limits.REQUEST_BYTES for some in groups)


def _every_sdk_error() -> list[Exception]:
    kinds = [one for one in vars(botocore.exceptions).values() if isinstance(one, type) and issubclass(one, Exception)]
    made: list[Exception] = [HTTPClientError(error="boom"), ClientError({}, "PutMetricData")]
    for kind in kinds:
        if not issubclass(kind, BotoCoreError):
            continue
        error = kind.__new__(kind)
        Exception.__init__(error, kind.__name__)
        if issubclass(kind, HTTPClientError):
            # As botocore's constructor leaves it.
            error.response = error.request = None  # type: ignore[attr-defined]
        made.append(error)
    return made


@pytest.mark.parametrize("error", _every_sdk_error(), ids=lambda one: type(one).__name__)
def test_no_error_of_the_sdk_reaches_the_step(error: Exception) -> None:
    class Fails:
        def __getattr__(self, name: str) -> Any:
            raise error

    with Telemetry(lambda service: Fails(), Settings(), now=lambda: NOW) as one:
        one.transition(frozen(), "frozen")
    assert one.failures == {"metrics": 2, "events": 1}


def test_a_channel_whose_batches_cannot_be_made_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("boom")

    monkeypatch.setattr("migration_ops.integrations.telemetry.telemetry.metric_data", broken)
    client = RefusesDimensions()
    sent: list[Any] = []
    client.put_events = lambda **request: sent.append(request) or {}  # type: ignore[attr-defined]
    with Telemetry(client, Settings(), now=lambda: NOW) as one:
        one.transition(frozen(), "frozen")
    assert one.failures == {"metrics": 1}
    assert len(sent) == 1


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\u202e"])
def test_a_line_is_one_line_whatever_is_in_a_name(caplog: pytest.LogCaptureFixture, character: str) -> None:
    caplog.set_level("INFO")
    one = Telemetry(RefusesDimensions(), Settings(), now=lambda: NOW)
    one.transition(frozen(wave=f"a{character}b"), "frozen", {"why": f"x{character}y"})
    [record] = [found for found in caplog.records if '"event": "frozen"' in found.getMessage()]
    assert len(record.getMessage().splitlines()) == 1
    assert json.loads(record.getMessage())["wave"] == f"a{character}b"
    assert character not in record.getMessage()
