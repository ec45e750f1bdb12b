"""The real queries over what our own telemetry wrote, in the sandbox's log group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.sandbox.estates.account import Account
from include.sandbox.insights import service
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.reader import Reader
from migration_ops.core.errors import MigrationError, Throttled
from migration_ops.core.finding import FindingVerdict
from migration_ops.core.settings import read_settings
from migration_ops.core.states import Phase
from migration_ops.core.thresholds import Migrations, Thresholds
from migration_ops.integrations.telemetry.telemetry import Telemetry
from migration_ops.ledger.protocol import Record
from migration_ops.runbook.insights import QUERIES
from migration_ops.runbook.insights.query import read_query
from migration_ops.runbook.insights.results import finding_of, table_of
from migration_ops.runbook.insights.run import MAX_LOG_GROUPS, log_groups, results, start
from tests.runbook.estates import account_of, reader_of

# On the hour, so that all lines are of one step; AWS takes no lines older than two weeks.
BEGAN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=4)
LIMITS = Thresholds(migrations=Migrations(max_lag_seconds=1000))
PARAMETERS = {"migrationId": "mig-web01", "binMinutes": 5}
WEB = Record("mig-web01", "wave-3", "billing", "s-1", Phase.PLANNED, correlation_id="corr-web")
DATABASE = Record("mig-db01", "wave-3", "billing", "s-2", Phase.PLANNED, correlation_id="corr-db")
STORY = (
    replace(WEB, replication_lag_seconds=100.0),
    replace(DATABASE, replication_lag_seconds=900.0),
    replace(WEB, replication_lag_seconds=300.0, phase=Phase.READY),
    replace(WEB, phase=Phase.FAILED, error_code="LAUNCH_FAILED", error_message='no "capacity" | in zone'),
    replace(DATABASE, phase=Phase.FROZEN, error_code="ROLLBACK_FAILED", error_message="look"),
)


@pytest.fixture(scope="module")
def account(box: Sandbox) -> Iterator[Account]:
    box.reset()
    account = account_of(box)
    logged(box, account)
    yield account
    box.reset()


@pytest.fixture(scope="module")
def reader(box: Sandbox, account: Account) -> Reader:
    return reader_of(box, account)


def logged(box: Sandbox, account: Account) -> None:
    """The story, a minute a line, written as a step of a wave writes it."""
    moments = iter(BEGAN + timedelta(minutes=number) for number in range(100))
    settings = replace(read_settings(dict(account.settings)), event_bus="")
    lines = Telemetry(box.boto, settings, now=lambda: next(moments), log_stream="wave-3/test")
    for record in STORY:
        lines.transition(record, "phase_changed", {"note": "x"}, record)
    lines.flush()
    assert lines.failures == {}


def asked(reader: Reader, name: str, **parameters: Any) -> dict[str, Any]:
    text = read_query(name).filled(PARAMETERS | parameters)
    query_id = start(reader, text, log_groups(reader)["names"], BEGAN - timedelta(hours=1), BEGAN + timedelta(hours=1))
    answers = [results(reader, query_id) for _ in range(2)]
    assert answers[0]["status"] == "Running"
    assert answers[1]["status"] == "Complete"
    return answers[1]


def test_errors_are_found_by_their_level(reader: Reader) -> None:
    rows = asked(reader, "recent_errors")["rows"]
    assert [(row["errors"], row["migrations"], row["lastCode"]) for row in rows] == [("2", "2", "ROLLBACK_FAILED")]
    assert rows[0]["@logStream"] == "wave-3/test"
    assert rows[0]["time"] == f"{BEGAN:%Y-%m-%d %H:%M:%S}.000"


@pytest.mark.parametrize("identity", ["mig-web01", "corr-web"])
def test_a_migration_is_followed_by_either_of_its_ids_in_order(reader: Reader, identity: str) -> None:
    rows = asked(reader, "track_migration", migrationId=identity)["rows"]
    assert [row["phase"] for row in rows] == ["PLANNED", "READY", "FAILED"]
    assert {row["migrationId"] for row in rows} == {"mig-web01"}
    assert rows[-1]["errorMessage"] == 'no "capacity" | in zone'


def test_lag_has_its_true_mean(reader: Reader) -> None:
    rows = {row["migrationId"]: row for row in asked(reader, "replication_lag")["rows"]}
    assert (rows["mig-web01"]["meanLagSeconds"], rows["mig-web01"]["maxLagSeconds"]) == ("200", "300")
    assert rows["mig-db01"]["readings"] == "1"


def test_lag_is_held_against_the_one_limit(reader: Reader) -> None:
    limits = Thresholds(migrations=Migrations(max_lag_seconds=500))
    finding = finding_of(read_query("replication_lag"), asked(reader, "replication_lag"), limits)
    assert finding.verdict is FindingVerdict.WARNING
    assert [row["migrationId"] for row in finding.evidence] == ["mig-db01"]


def test_failures_are_counted_by_reason(reader: Reader) -> None:
    rows = asked(reader, "failed_migrations")["rows"]
    assert {(row["errorCode"], row["status"], row["migrations"]) for row in rows} == {
        ("LAUNCH_FAILED", "FAILED", "1"),
        ("ROLLBACK_FAILED", "FROZEN", "1"),
    }


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_answers_with_a_table_and_a_chart(reader: Reader, name: str) -> None:
    query, answer = read_query(name), asked(reader, name)
    finding, table = finding_of(query, answer, LIMITS), table_of(query, answer["rows"])
    assert finding.verdict is FindingVerdict.OK
    assert finding.value == len(answer["rows"]) > 0
    assert "@ptr" not in table["head"]
    assert all(len(row) == len(table["head"]) for row in table["rows"])
    assert table["chart"]["series"]


def test_outside_the_range_nothing_is_found_and_that_is_an_answer(reader: Reader) -> None:
    query = read_query("recent_errors")
    query_id = start(
        reader, query.filled({}), [reader.settings.log_group], BEGAN - timedelta(hours=3), BEGAN - timedelta(hours=2)
    )
    results(reader, query_id)
    answer = results(reader, query_id)
    assert answer["rows"] == []
    assert finding_of(query, answer, LIMITS).verdict is FindingVerdict.OK
    assert "0 of 0 lines" in finding_of(query, answer, LIMITS).reason
    assert table_of(query, [])["rows"] == [["no lines matched"]]


@pytest.mark.parametrize("end", service.ENDS)
def test_a_query_that_did_not_end_well_is_unknown(reader: Reader, end: str) -> None:
    service.end_next_query(end)
    query = read_query("recent_errors")
    query_id = start(reader, query.filled({}), [reader.settings.log_group], BEGAN, BEGAN + timedelta(hours=1))
    results(reader, query_id)
    answer = results(reader, query_id)
    finding = finding_of(query, answer, LIMITS)
    assert (answer["status"], answer["rows"], finding.verdict) == (end, [], FindingVerdict.UNKNOWN)
    assert end in finding.reason


def test_a_log_group_that_is_not_there_is_no_empty_answer(reader: Reader) -> None:
    with pytest.raises(MigrationError) as caught:
        start(reader, "stats count(*) as n", ["/not/there"], BEGAN, BEGAN + timedelta(hours=1))
    assert caught.value.code == "NOT_FOUND"


def test_what_is_no_query_is_refused(reader: Reader) -> None:
    with pytest.raises(MigrationError):
        start(reader, "stats nonsense", [reader.settings.log_group], BEGAN, BEGAN + timedelta(hours=1))


def test_too_many_at_once_is_waited_out(reader: Reader, box: Sandbox) -> None:
    fault = box.book.add_document({"kind": "throttle", "service": "logs", "operation": "StartQuery"})
    with pytest.raises(Throttled):
        start(reader, "stats count(*) as n", [reader.settings.log_group], BEGAN, BEGAN + timedelta(hours=1))
    box.book.remove(fault.fault_id)


def test_an_unknown_query_id_is_an_error(reader: Reader) -> None:
    with pytest.raises(MigrationError):
        results(reader, "00000000-0000-4000-8000-000000000000")


def test_groups_of_functions_are_asked_too_and_those_left_out_are_named(box: Sandbox) -> None:
    box.reset()
    account = account_of(box)
    for number in range(MAX_LOG_GROUPS + 2):
        account.client("logs").create_log_group(logGroupName=f"/aws/lambda/f{number:02}")
    reader = reader_of(box, account)
    groups = log_groups(reader)
    assert len(groups["names"]) == MAX_LOG_GROUPS
    assert groups["names"][0] == reader.settings.log_group
    assert groups["leftOut"] == ["/aws/lambda/f49", "/aws/lambda/f50", "/aws/lambda/f51"]
    complete = {"status": "Complete", "rows": [], "statistics": {}}
    finding = finding_of(read_query("recent_errors"), complete, LIMITS, groups["leftOut"])
    assert finding.verdict is FindingVerdict.UNKNOWN
    assert "/aws/lambda/f49" in finding.reason
