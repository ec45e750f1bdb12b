"""The real queries over what our own telemetry wrote, in the sandbox's log group."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.sandbox.estates.account import Account
from include.sandbox.insights import service
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import MigrationError, ThrottledError
from migration_ops.core.facts import is_failed
from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.core.settings import read_settings
from migration_ops.core.states import Phase
from migration_ops.core.thresholds import Migrations, Thresholds
from migration_ops.integrations.telemetry.telemetry import Telemetry
from migration_ops.ledger.protocol import Record
from migration_ops.runbook.insights import QUERIES, run
from migration_ops.runbook.insights.query import read_query
from migration_ops.runbook.insights.results import finding_of, table_of
from migration_ops.runbook.insights.run import RUNNING, log_groups, results, results_of_all, start, start_all
from tests.runbook.alarms.conftest import function
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
def reader(box: Sandbox, account: Account) -> AwsReader:
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


def asked(reader: AwsReader, name: str, **parameters: Any) -> dict[str, Any]:
    text = read_query(name).filled(PARAMETERS | parameters)
    query_id = start(reader, text, log_groups(reader)["names"], BEGAN - timedelta(hours=1), BEGAN + timedelta(hours=1))
    answers = [results(reader, query_id) for _ in range(2)]
    assert answers[0]["status"] == "Running"
    assert answers[1]["status"] == "Complete"
    return answers[1]


def test_errors_are_found_by_their_level(reader: AwsReader) -> None:
    rows = asked(reader, "recent_errors")["rows"]
    assert [(row["errors"], row["migrations"], row["lastCode"]) for row in rows] == [("2", "2", "ROLLBACK_FAILED")]
    assert rows[0]["@logStream"] == "wave-3/test"
    assert rows[0]["time"] == f"{BEGAN:%Y-%m-%d %H:%M:%S}.000"


@pytest.mark.parametrize("identity", ["mig-web01", "corr-web"])
def test_a_migration_is_followed_by_either_of_its_ids_in_order(reader: AwsReader, identity: str) -> None:
    rows = asked(reader, "track_migration", migrationId=identity)["rows"]
    assert [row["phase"] for row in rows] == ["PLANNED", "READY", "FAILED"]
    assert {row["migrationId"] for row in rows} == {"mig-web01"}
    assert rows[-1]["errorMessage"] == 'no "capacity" | in zone'


def test_lag_has_its_true_mean(reader: AwsReader) -> None:
    rows = {row["migrationId"]: row for row in asked(reader, "replication_lag")["rows"]}
    assert (rows["mig-web01"]["meanLagSeconds"], rows["mig-web01"]["maxLagSeconds"]) == ("200", "300")
    assert rows["mig-db01"]["readings"] == "1"


def test_lag_is_held_against_the_one_limit(reader: AwsReader) -> None:
    limits = Thresholds(migrations=Migrations(max_lag_seconds=500))
    finding = finding_of(read_query("replication_lag"), asked(reader, "replication_lag"), limits)
    assert finding.verdict is FindingStatus.WARNING
    assert [row["migrationId"] for row in finding.evidence] == ["mig-db01"]


def test_failures_are_counted_by_reason(reader: AwsReader) -> None:
    rows = asked(reader, "failed_migrations")["rows"]
    assert {(row["errorCode"], row["status"], row["migrations"]) for row in rows} == {
        ("LAUNCH_FAILED", "FAILED", "1"),
        ("ROLLBACK_FAILED", "FROZEN", "1"),
    }


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_answers_with_a_table_and_a_chart(reader: AwsReader, name: str) -> None:
    query, answer = read_query(name), asked(reader, name)
    finding, table = finding_of(query, answer, LIMITS), table_of(query, answer["rows"])
    assert finding.verdict is FindingStatus.OK
    assert finding.value == len(answer["rows"]) > 0
    assert "@ptr" not in table["head"]
    assert all(len(row) == len(table["head"]) for row in table["rows"])
    assert table["chart"]["series"]


def test_outside_the_range_nothing_is_found_and_that_is_an_answer(reader: AwsReader) -> None:
    query = read_query("recent_errors")
    query_id = start(
        reader, query.filled({}), [reader.settings.log_group], BEGAN - timedelta(hours=3), BEGAN - timedelta(hours=2)
    )
    results(reader, query_id)
    answer = results(reader, query_id)
    assert answer["rows"] == []
    assert finding_of(query, answer, LIMITS).verdict is FindingStatus.OK
    assert "0 of 0 lines" in finding_of(query, answer, LIMITS).reason
    assert table_of(query, [])["rows"] == [["no lines matched"]]


@pytest.mark.parametrize("end", service.ENDS)
def test_a_query_that_did_not_end_well_is_unknown(reader: AwsReader, end: str) -> None:
    service.end_next_query(end)
    query = read_query("recent_errors")
    query_id = start(reader, query.filled({}), [reader.settings.log_group], BEGAN, BEGAN + timedelta(hours=1))
    results(reader, query_id)
    answer = results(reader, query_id)
    finding = finding_of(query, answer, LIMITS)
    assert (answer["status"], answer["rows"], finding.verdict) == (end, [], FindingStatus.UNKNOWN)
    assert end in finding.reason


def test_a_log_group_that_is_not_there_is_no_empty_answer(reader: AwsReader) -> None:
    with pytest.raises(MigrationError) as caught:
        start(reader, "stats count(*) as n", ["/not/there"], BEGAN, BEGAN + timedelta(hours=1))
    assert caught.value.code == "NOT_FOUND"


def test_what_is_no_query_is_refused(reader: AwsReader) -> None:
    with pytest.raises(MigrationError):
        start(reader, "stats nonsense", [reader.settings.log_group], BEGAN, BEGAN + timedelta(hours=1))


def test_too_many_at_once_is_waited_out(reader: AwsReader, box: Sandbox) -> None:
    fault = box.faults.add_document({"kind": "throttle", "service": "logs", "operation": "StartQuery"})
    with pytest.raises(ThrottledError):
        start(reader, "stats count(*) as n", [reader.settings.log_group], BEGAN, BEGAN + timedelta(hours=1))
    box.faults.remove(fault.fault_id)


def test_an_unknown_query_id_is_an_error(reader: AwsReader) -> None:
    with pytest.raises(MigrationError):
        results(reader, "00000000-0000-4000-8000-000000000000")


@pytest.mark.parametrize("name", QUERIES)
def test_an_answer_of_as_many_rows_as_its_limit_is_cut(name: str) -> None:
    query = read_query(name)
    row = {"time": "2026-11-27 10:55:00.000", "maxLagSeconds": "2"}

    def found(*rows: int) -> Finding:
        answer = {"status": "Complete", "rows": [row] * sum(rows), "statistics": {}, "parts": list(rows)}
        return finding_of(query, answer, LIMITS)

    assert found(query.row_limit - 1).verdict is FindingStatus.OK
    for finding in (found(query.row_limit), found(3, query.row_limit)):
        assert finding.verdict is FindingStatus.UNKNOWN
        assert f"cut at {query.row_limit} rows" in finding.reason
    # No two of several answers are added up before they are compared with the limit of one.
    assert found(query.row_limit - 1, query.row_limit - 1).verdict is FindingStatus.OK


def test_a_limit_beyond_which_something_is_bad_is_still_said_of_a_cut_answer() -> None:
    query = read_query("replication_lag")
    rows = [{"time": "t", "maxLagSeconds": "9999"}] * query.row_limit
    finding = finding_of(query, {"status": "Complete", "rows": rows, "statistics": {}}, LIMITS)
    assert finding.verdict is FindingStatus.UNKNOWN
    assert "beyond 1000" in finding.reason
    assert finding.evidence


def test_a_cut_keeps_what_matters(box: Sandbox, reader: AwsReader, account: Account) -> None:
    """With room for one row: of a migration its last line, of the lag the worst."""
    short = {name: re.sub(r"limit \d+", "limit 1", read_query(name).filled(PARAMETERS)) for name in QUERIES}
    span = (BEGAN - timedelta(hours=1), BEGAN + timedelta(hours=1))

    def row(name: str) -> dict[str, str]:
        started = start_all(reader, short[name], *span)
        answers = [results_of_all(reader, started["queryIds"]) for _ in range(2)]
        found: dict[str, str] = answers[1]["rows"][0]
        return found

    assert row("track_migration")["phase"] == "FAILED"
    assert row("replication_lag")["maxLagSeconds"] == "900"


def test_of_many_lines_the_last_are_shown() -> None:
    rows = [{"@timestamp": f"{number:05}"} for number in range(300)]
    table = table_of(read_query("track_migration"), rows)
    assert table["rows"][-1] == ["00299"]
    assert "last 200 of 300" in table["title"]


class TestLogGroups:
    @pytest.fixture
    def account(self, box: Sandbox) -> Iterator[Account]:
        box.reset()
        account = account_of(box)
        yield account
        box.faults.remove()
        box.reset()

    def logs_of(self, account: Account, name: str, log_class: str = "STANDARD") -> str:
        group = f"/aws/lambda/{name}"
        account.client("logs").create_log_group(logGroupName=group, logGroupClass=log_class)
        return group

    def test_beyond_fifty_there_are_more_queries_and_all_are_read(self, box: Sandbox, account: Account) -> None:
        logs = account.client("logs")
        for number in range(52):
            function(account, f"f{number:02}")
            last = self.logs_of(account, f"f{number:02}")
        logs.create_log_stream(logGroupName=last, logStreamName="s")
        at = int((BEGAN + timedelta(minutes=1)).timestamp() * 1000)
        lines = [{"timestamp": at, "message": "Task timed out after 3.00 seconds"}]
        logs.put_log_events(logGroupName=last, logStreamName="s", logEvents=lines)
        reader = reader_of(box, account)
        groups = log_groups(reader)
        assert [len(part) for part in groups["parts"]] == [50, 3]
        assert (groups["names"][0], groups["leftOut"]) == (reader.settings.log_group, [])
        span = (BEGAN - timedelta(hours=1), BEGAN + timedelta(hours=1))
        started = start_all(reader, read_query("recent_errors").filled({}), *span)
        assert results_of_all(reader, started["queryIds"])["status"] in RUNNING
        answer = results_of_all(reader, started["queryIds"])
        assert [(row["@logStream"], row["part"]) for row in answer["rows"]] == [("s", "2 of 2")]
        assert answer["parts"] == [0, 1]

    def test_groups_of_deleted_functions_are_not_asked(self, box: Sandbox, account: Account) -> None:
        function(account, "lives")
        self.logs_of(account, "lives")
        self.logs_of(account, "deleted")
        reader = reader_of(box, account)
        assert log_groups(reader)["names"] == [reader.settings.log_group, "/aws/lambda/lives"]

    def test_a_group_of_another_class_is_asked_by_itself(self, box: Sandbox, account: Account) -> None:
        for name, log_class in (("often", "STANDARD"), ("seldom", "INFREQUENT_ACCESS"), ("never", "DELIVERY")):
            function(account, name)
            self.logs_of(account, name, log_class)
        reader = reader_of(box, account)
        groups = log_groups(reader)
        assert groups["parts"] == [[reader.settings.log_group, "/aws/lambda/often"], ["/aws/lambda/seldom"]]
        assert groups["leftOut"] == ["/aws/lambda/never"]
        assert len(start_all(reader, "stats count(*) as n", BEGAN, BEGAN + timedelta(hours=1))["queryIds"]) == 2

    def test_a_missing_group_of_our_own_does_not_break_the_others(self, box: Sandbox, account: Account) -> None:
        function(account, "lives")
        self.logs_of(account, "lives")
        reader = reader_of(box, account)
        account.client("logs").delete_log_group(logGroupName=reader.settings.log_group)
        groups = log_groups(reader)
        assert (groups["names"], groups["leftOut"]) == (["/aws/lambda/lives"], [reader.settings.log_group])
        complete = {"status": "Complete", "rows": [], "statistics": {}}
        finding = finding_of(read_query("recent_errors"), complete, LIMITS, groups["leftOut"])
        assert (finding.verdict, reader.settings.log_group in finding.reason) == (FindingStatus.UNKNOWN, True)

    def test_a_group_that_was_deleted_meanwhile_is_left_alone(
        self, box: Sandbox, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reader = reader_of(box, account)
        good = log_groups(reader)
        stale = {**good, "parts": [[*good["names"], "/aws/lambda/gone"]]}
        answers = iter([stale, good])
        monkeypatch.setattr(run, "log_groups", lambda _: next(answers))
        assert start_all(reader, "stats count(*) as n", BEGAN, BEGAN + timedelta(hours=1))["leftOut"] == []

    def test_functions_that_cannot_be_listed_are_no_functions_at_all(self, box: Sandbox, account: Account) -> None:
        box.faults.add_document({"kind": "accessDenied", "service": "lambda", "operation": "ListFunctions"})
        assert is_failed(log_groups(reader_of(box, account)))
