"""Reading what MGN says: durations, dates, disks, jobs. None always means: MGN did not say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration_ops.aws.mgn.jobs import (
    INTENT_TAG,
    LAUNCH_FAILURE,
    LAUNCH_PENDING,
    LAUNCH_SUCCESS,
    STATUS_ACTIVE,
    STATUS_OVER,
    JobView,
)
from migration_ops.aws.mgn.servers import ServerView, duration_seconds, moment
from tests.wave.builders import model_shapes

SERVER = {"sourceServerID": "s-00000000000000001"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("P0D", 0),
        ("PT0S", 0),
        ("PT16H20M38.697305S", 16 * 3600 + 20 * 60 + 38.697305),
        ("P1D", 86_400),
        ("P2DT3H", 2 * 86_400 + 3 * 3600),
        ("P1W", 604_800),
        ("P1.5D", 129_600),
        ("PT0.25S", 0.25),
        ("PT90M", 5_400),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration_seconds(text) == pytest.approx(seconds)


MALFORMED = [
    None,
    "",
    " ",
    "P",
    "PT",
    "0",
    "P1Y",
    "P1M",
    "-P1D",
    "P-1D",
    "PT1H ",
    "1D",
    "PT1",
    "P1DT1D",
    "pt1s",
    "PT1S2M",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_duration_is_unknown_never_zero(text: str | None) -> None:
    assert duration_seconds(text) is None


@given(
    days=st.integers(0, 400),
    hours=st.integers(0, 48),
    minutes=st.integers(0, 90),
    seconds=st.floats(0, 100, allow_nan=False),
)
def test_every_duration_that_mgn_can_write_is_read(days: int, hours: int, minutes: int, seconds: float) -> None:
    text = f"P{days}DT{hours}H{minutes}M{seconds:.6f}S"
    assert duration_seconds(text) == pytest.approx(days * 86_400 + hours * 3_600 + minutes * 60 + seconds, abs=1e-5)


@given(st.text(alphabet="PTWDHMS0123456789.-+ \n", max_size=12))
def test_any_text_is_a_duration_of_no_less_than_zero_or_unknown(text: str) -> None:
    seconds = duration_seconds(text)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    "text",
    ["2022-08-31T14:33:26Z", "2022-08-31T14:33:26.000Z", "2022-08-31T14:33:26+00:00", "2022-08-31T16:33:26+02:00"],
)
def test_dates_of_either_spelling(text: str) -> None:
    assert moment(text) == datetime(2022, 8, 31, 14, 33, 26, tzinfo=UTC)


def test_a_fraction_of_a_date_is_kept() -> None:
    assert moment("2022-08-31T14:33:26.983505+00:00") == datetime(2022, 8, 31, 14, 33, 26, 983505, UTC)


@pytest.mark.parametrize("text", [None, "", "yesterday", "2022-13-01T00:00:00Z"])
def test_what_is_no_date_is_unknown(text: str | None) -> None:
    assert moment(text) is None


_SAFE = (datetime(2000, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001 - hypothesis wants naive bounds


@given(st.datetimes(*_SAFE, timezones=st.just(UTC)), st.integers(-12, 12))
def test_dates_survive_being_written(value: datetime, hours: int) -> None:
    assert moment(value.astimezone(timezone(timedelta(hours=hours))).isoformat()) == value


@pytest.mark.parametrize(
    ("disks", "backlog"),
    [
        ([{"backloggedStorageBytes": 3}, {"backloggedStorageBytes": 4}], 7),
        ([{"backloggedStorageBytes": 0}], 0),
        ([{"backloggedStorageBytes": 3}, {}], None),
        ([{"backloggedStorageBytes": 3}, {"backloggedStorageBytes": None}], None),
        ([], None),
        (None, None),
    ],
)
def test_one_disk_that_does_not_say_makes_the_sum_unknown(disks: Any, backlog: int | None) -> None:
    view = ServerView.from_api(SERVER | {"dataReplicationInfo": {"replicatedDisks": disks}})
    assert view.backlog_bytes == backlog


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"lifeCycle": None, "dataReplicationInfo": None, "launchedInstance": None, "sourceProperties": None},
        {"lifeCycle": {"lastTest": {}, "lastCutover": {"initiated": {}}}, "dataReplicationInfo": {}},
        {"dataReplicationInfo": {"lagDuration": None, "dataReplicationError": None}},
    ],
)
def test_whatever_is_absent_is_none(item: dict[str, Any]) -> None:
    view = ServerView.from_api(SERVER | item)
    absent = {key: value for key, value in view.as_document().items() if key not in {"source_server_id", "tags"}}
    assert set(absent.values()) == {None}


def test_a_view_survives_json() -> None:
    view = ServerView.from_api(
        SERVER
        | {
            "isArchived": False,
            "lifeCycle": {"state": "TESTING", "lastTest": {"initiated": {"jobID": "mgnjob-1", "apiCallDateTime": "x"}}},
            "dataReplicationInfo": {"lagDuration": "PT3S", "dataReplicationError": {"error": "AGENT_NOT_SEEN"}},
            "launchedInstance": {"ec2InstanceID": "i-1", "jobID": "mgnjob-1", "firstBoot": "WAITING"},
            "sourceProperties": {"identificationHints": {"fqdn": "web.example.com"}},
        }
    )
    assert ServerView.from_document(json.loads(json.dumps(view.as_document()))) == view
    assert (view.lag_seconds, view.replication_error, view.first_boot) == (3.0, "AGENT_NOT_SEEN", "WAITING")
    assert (view.last_test_job_id, view.hostname) == ("mgnjob-1", "web.example.com")


@pytest.mark.parametrize(
    ("status", "is_active", "is_over"),
    [
        ("PENDING", True, False),
        ("STARTED", True, False),
        ("COMPLETED", False, True),
        (None, False, False),
        ("X", False, False),
    ],
)
def test_a_job_is_active_or_over_or_unknown(status: str | None, is_active: bool, is_over: bool) -> None:
    view = JobView.from_api({"jobID": "mgnjob-1", "status": status})
    assert (view.is_active, view.is_over) == (is_active, is_over)


def test_state_sets_of_jobs_are_those_of_the_model() -> None:
    shapes = model_shapes()
    assert set(shapes["JobStatus"]["enum"]) == STATUS_ACTIVE | STATUS_OVER
    assert set(shapes["LaunchStatus"]["enum"]) == LAUNCH_SUCCESS | LAUNCH_PENDING | LAUNCH_FAILURE
    assert not LAUNCH_SUCCESS & (LAUNCH_PENDING | LAUNCH_FAILURE)


def test_a_job_of_the_api_survives_json() -> None:
    view = JobView.from_api(
        {
            "jobID": "mgnjob-1",
            "status": "COMPLETED",
            "tags": {INTENT_TAG: "intent-1"},
            "participatingServers": [
                {"sourceServerID": "s-1", "launchStatus": "LAUNCHED", "launchedEc2InstanceID": "i-1"},
                {"sourceServerID": "s-2", "launchStatus": "FAILED"},
                {"sourceServerID": "s-3"},
            ],
        }
    )
    assert view.launch_status == {"s-1": "LAUNCHED", "s-2": "FAILED", "s-3": None}
    assert view.instance_ids == {"s-1": "i-1"}
    assert view.intent_id == "intent-1"
    assert JobView.from_document(json.loads(json.dumps(view.as_document()))) == view
