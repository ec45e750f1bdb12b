"""Checks of rules, table, alarms, dashboard, migrations and replication, where the estates do not go."""

from __future__ import annotations

from typing import Any

import pytest

from migration_ops.aws.errors import NotFoundError
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import Snapshot, failed
from migration_ops.core.finding import Finding, FindingStatus, Route
from migration_ops.core.states import Phase
from migration_ops.core.thresholds import Thresholds
from migration_ops.ledger.lost_launches import lost_intents
from migration_ops.ledger.protocol import Intent, Record
from migration_ops.runbook.checks.check import Check
from migration_ops.runbook.reports.notify import route_of

CRITICAL, UNKNOWN, WARNING, OK = FindingStatus
REFUSED = failed("x:y", UnknownError("refused"))


def judged(check_id: str, *things: dict[str, Any], **others: Any) -> list[Finding]:
    """The findings of a check about these things, in the list that it is about."""
    check = Check("health", check_id)
    reader, member = check.metadata.about.split(".")
    return check.run(Snapshot({reader: {member: list(things), **others}}), Thresholds())


def verdict(check_id: str, thing: dict[str, Any], **others: Any) -> FindingStatus:
    return judged(check_id, thing, **others)[0].verdict


class TestRules:
    RULE: dict[str, Any] = {
        "name": "bus/rule",
        "state": "ENABLED",
        "targets": [{"id": "1", "arn": "arn:queue", "deadLetterArn": None}],
        "failedInvocations": {"values": []},
        "undelivered": {"values": []},
        "throttled": {"values": []},
    }

    @pytest.mark.parametrize(
        ("check_id", "member"),
        [
            ("events_rule_failed_invocations", "failedInvocations"),
            ("events_rule_undelivered", "undelivered"),
            ("events_rule_throttled", "throttled"),
        ],
    )
    def test_no_data_means_none_and_no_answer_means_unknown(self, check_id: str, member: str) -> None:
        """AWS/Events sends these metrics only when they are not zero."""
        assert verdict(check_id, self.RULE) is OK
        assert verdict(check_id, self.RULE | {member: REFUSED}) is UNKNOWN

    @pytest.mark.parametrize(("values", "expected"), [([5, 5], OK), ([5, 6], WARNING)])
    def test_failures_add_up_over_the_window(self, values: list[float], expected: FindingStatus) -> None:
        found = judged("events_rule_failed_invocations", self.RULE | {"failedInvocations": {"values": values}})[0]
        assert (found.verdict, found.value) == (expected, sum(values))
        assert found.evidence == ("no dead-letter queue: arn:queue",)

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"state": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}, OK),
            ({"state": "DISABLED"}, CRITICAL),
            ({"targets": []}, CRITICAL),
            ({"state": "SLEEPING"}, UNKNOWN),
            ({"state": None}, UNKNOWN),
            ({"targets": REFUSED}, UNKNOWN),
        ],
    )
    def test_a_rule_delivers(self, change: dict[str, Any], expected: FindingStatus) -> None:
        assert verdict("events_rule_delivers", self.RULE | change) is expected


class TestTable:
    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("ACTIVE", OK),
            ("UPDATING", WARNING),
            ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", CRITICAL),
            ("DELETING", CRITICAL),
            ("SOMETHING_NEW", UNKNOWN),
            (None, UNKNOWN),
        ],
    )
    def test_status(self, status: str | None, expected: FindingStatus) -> None:
        part = {"name": "t/index/i", "kind": "index", "status": status}
        assert verdict("dynamodb_table_status", part) is expected

    @pytest.mark.parametrize(
        ("backups", "expected"),
        [
            ({"pointInTime": "ENABLED"}, {OK}),
            ({"pointInTime": "DISABLED"}, {OK, WARNING}),
            ({"pointInTime": None}, {UNKNOWN}),
            (REFUSED, {UNKNOWN}),
        ],
    )
    def test_the_table_can_be_restored(self, backups: Any, expected: set[FindingStatus]) -> None:
        table = {"name": "t", "kind": "table", "status": "ACTIVE"}
        found = judged("dynamodb_table_status", table, tables=[{"name": "t", "backups": backups}])
        assert {one.verdict for one in found} == expected

    def test_throttles_of_reads_and_writes_count_together(self) -> None:
        part = {"name": "t", "readThrottles": {"values": []}, "writeThrottles": {"values": [1, 2]}}
        assert verdict("dynamodb_table_throttles", part) is CRITICAL
        assert verdict("dynamodb_table_throttles", part | {"writeThrottles": {"values": []}}) is OK
        assert verdict("dynamodb_table_throttles", part | {"readThrottles": REFUSED}) is UNKNOWN

    @pytest.mark.parametrize(
        ("table", "expected"),
        [
            ({"ageHours": 12.0}, {OK}),
            ({"ageHours": 12.1}, {WARNING}),
            ({"ageHours": 23.0, "run": "manual-1"}, {WARNING}),
            ({"ageHours": -0.05}, {OK}),
            ({"ageHours": -0.2}, {UNKNOWN}),
            ({"ageHours": None}, {UNKNOWN}),
            ({"ageHours": REFUSED}, {UNKNOWN}),
            ({"ageHours": 300.0, "run": "manual-1", "handedOver": "2026-01-01"}, {OK}),
            ({"ageHours": 300.0, "status": "DELETING"}, {OK}),
        ],
    )
    def test_what_a_drill_left(self, table: dict[str, Any], expected: set[FindingStatus]) -> None:
        found = judged("dynamodb_scratch_table_leftover", {"name": "t", "status": "ACTIVE"} | table)
        assert {one.verdict for one in found} == expected


class TestAlarms:
    def test_each_alarm_is_one_finding(self) -> None:
        alarms = [
            {"name": "a", "state": "OK"},
            {"name": "b", "state": "ALARM", "reason": "crossed", "actionsEnabled": False},
            {"name": "c", "state": "INSUFFICIENT_DATA"},
            {"name": "d", "state": None},
        ]
        found = judged("cloudwatch_alarm_in_alarm", {"alarms": alarms[:3]})
        assert {one.resource: one.verdict for one in found} == {"a": OK, "b": CRITICAL, "c": OK}
        assert "its actions are disabled: it notified nobody" in found[1].evidence
        assert not found[2].conclusive, "without data nothing shows that what rang before is over"
        found = judged("cloudwatch_alarm_insufficient_data", {"alarms": alarms[:3]})
        assert {one.resource: one.verdict for one in found} == {"a": OK, "b": OK, "c": WARNING}
        for check_id in ("cloudwatch_alarm_in_alarm", "cloudwatch_alarm_insufficient_data"):
            assert UNKNOWN in {one.verdict for one in judged(check_id, {"alarms": alarms})}

    @pytest.mark.parametrize(
        ("name", "topics", "expected"),
        [
            ("migration-ops/dead_letters/orders-dlq", [], (CRITICAL, Route.PAGE)),
            ("migration-ops/function_error_rate/f", [], (CRITICAL, Route.PAGE)),
            ("migration-ops/replication_lag/s-1", [], (WARNING, Route.WARN)),
            ("migration-ops/rule_failures/default/r/ThrottledRules", [], (WARNING, Route.WARN)),
            ("migration-ops/executions_failed/m", [], (WARNING, Route.WARN)),
            ("migration-ops/function_few_calls/f", ["on-call"], (WARNING, Route.WARN)),
            ("migration-ops/a_kind_of_before/x", [], (WARNING, Route.WARN)),
            ("somebody-elses", [], (CRITICAL, Route.PAGE)),
            ("somebody-elses", ["warnings", "on-call"], (CRITICAL, Route.PAGE)),
            ("somebody-elses", ["warnings"], (WARNING, Route.WARN)),
        ],
    )
    def test_what_only_warns_pages_by_no_detour(
        self, name: str, topics: list[str], expected: tuple[Any, Route]
    ) -> None:
        alarm = {"name": name, "state": "ALARM", "reason": "crossed", "topics": topics}
        read = {"alarms": [alarm], "onCallTopic": "on-call", "warningsTopic": "warnings"}
        [found] = judged("cloudwatch_alarm_in_alarm", read)
        assert (found.verdict, route_of(found)) == expected

    @pytest.mark.parametrize("state", ["EVALUATION_ERROR", "EVALUATION_FAILURE", "PARTIAL_DATA", "SOMETHING_NEW"])
    def test_an_alarm_that_cannot_be_evaluated_watches_nothing(self, state: str) -> None:
        """It keeps the state that it had before."""
        read = {"alarms": [{"name": "a", "state": "OK", "evaluation": state}]}
        [found] = judged("cloudwatch_alarm_insufficient_data", read)
        assert (found.verdict, state in found.reason) == (WARNING, True)
        [found] = judged("cloudwatch_alarm_in_alarm", read)
        assert (found.verdict, found.conclusive) == (OK, False), "an OK of before ends no alarm"

    def test_a_composite_alarm_that_is_suppressed_says_so(self) -> None:
        alarm = {"name": "a", "state": "ALARM", "reason": "crossed", "suppressedBy": "Alarm"}
        [found] = judged("cloudwatch_alarm_in_alarm", {"alarms": [alarm]})
        assert found.verdict is CRITICAL
        assert "its actions are suppressed (Alarm): it notified nobody" in found.evidence

    def test_an_alarm_without_a_state_hides_no_other(self) -> None:
        alarms = [{"name": "d", "state": None}, {"name": "b", "state": "ALARM"}, {"name": "c", "state": "OK"}]
        found = {one.resource: one.verdict for one in judged("cloudwatch_alarm_in_alarm", {"alarms": alarms})}
        assert found == {"d": UNKNOWN, "b": CRITICAL, "c": OK}
        found = {one.resource: one.verdict for one in judged("cloudwatch_alarm_insufficient_data", {"alarms": alarms})}
        assert found == {"d": UNKNOWN, "b": OK, "c": OK}

    def test_no_alarm_at_all_is_said(self) -> None:
        assert verdict("cloudwatch_alarm_in_alarm", {"alarms": []}) is WARNING


class TestDashboard:
    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"series": [{"label": "a", "points": 0}, {"label": "b", "points": 2}]}, OK),
            ({"series": [{"label": "a", "points": 0}]}, WARNING),
            ({"series": []}, UNKNOWN),
            ({"series": REFUSED}, UNKNOWN),
            ({"exists": False}, UNKNOWN),
            ({"exists": failed("cloudwatch:get_dashboard", NotFoundError("gone"))}, UNKNOWN),
        ],
    )
    def test_it_must_show_something(self, change: dict[str, Any], expected: FindingStatus) -> None:
        dashboard = {"name": "d", "exists": True, "hours": 24, "series": []}
        assert verdict("cloudwatch_dashboard_data", dashboard | change) is expected


class TestMigrations:
    @pytest.mark.parametrize(
        ("phase", "minutes", "expected"),
        [
            ("CUTTING_OVER", 240, OK),
            ("CUTTING_OVER", 241, CRITICAL),
            ("ROLLING_BACK", 241, CRITICAL),
            # Here a wave may well wait for people, its window or the soak.
            ("READY", 241, WARNING),
            ("CUTOVER_VERIFIED", 241, WARNING),
            ("READY", None, UNKNOWN),
        ],
    )
    def test_stuck(self, phase: str, minutes: float | None, expected: FindingStatus) -> None:
        migration = {"name": "mig-1", "phase": phase, "minutesSinceUpdate": minutes}
        assert verdict("ledger_migration_stuck", migration) is expected

    def test_a_frozen_one_says_why(self) -> None:
        frozen = {"name": "mig-1", "status": "FROZEN", "updatedAt": "2026-01-01T00:00:00.000Z", "errorCode": "E"}
        found = judged("ledger_migration_frozen", frozen)[0]
        assert (found.verdict, found.reason) == (CRITICAL, "frozen since 2026-01-01T00:00:00.000Z: E")

    def test_a_server_in_two_migrations(self) -> None:
        servers = [{"name": "s-1", "migrations": ["mig-1"]}, {"name": "s-2", "migrations": ["mig-2", "mig-3"]}]
        found = judged("ledger_active_migrations", {"servers": servers, "counts": {"REQUESTED": 3, "FAILED": 0}})
        assert [(one.resource, one.verdict, one.value) for one in found] == [("*", OK, 3), ("s-2", CRITICAL, 2)]
        assert found[0].evidence == ("REQUESTED 3",)


class TestLaunchedAfterItsEnd:
    SERVER: dict[str, Any] = {
        "name": "s-1",
        "migrationId": "mig-1",
        "wave": "w",
        "status": "ROLLED_BACK",
        "intents": ["START_CUTOVER-1-x"],
        "isListed": True,
        "isArchived": False,
        "lifecycleState": "READY_FOR_CUTOVER",
    }

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, OK),
            ({"lifecycleState": "CUTTING_OVER"}, CRITICAL),
            ({"lifecycleState": "TESTING", "status": "FAILED"}, CRITICAL),
            ({"lifecycleState": None}, UNKNOWN),
            ({"isListed": failed("mgn:describe_source_servers", UnknownError("no"))}, UNKNOWN),
            ({"isListed": False}, OK),
            ({"isArchived": True, "lifecycleState": "CUTTING_OVER"}, OK),
        ],
    )
    def test_mgn_must_not_show_the_lost_launch(self, changes: dict[str, Any], expected: FindingStatus) -> None:
        assert verdict("mgn_launch_after_end", self.SERVER | changes) is expected

    @pytest.mark.parametrize(
        ("outcome", "job", "is_lost"),
        [
            (None, None, True),
            ("NOTHING_HAPPENED", None, True),
            ("SUPERSEDED", None, True),
            ("REFUSED", None, False),
            ("NOT_NOW", None, False),
            ("ROLLED_BACK", "mgnjob-1", False),
        ],
    )
    def test_a_launch_is_lost_when_nobody_knows_its_job(
        self, outcome: str | None, job: str | None, is_lost: bool
    ) -> None:
        intents = {
            "START_TEST": Intent("START_TEST", "i-1", 1, "2026-01-01T00:00:00+00:00", job, outcome),
            "TERMINATE": Intent("TERMINATE", "i-2", 1, "2026-01-01T00:00:00+00:00"),
        }
        record = Record("mig-1", "w", "a", "s-1", Phase.ROLLED_BACK, intents=intents)
        assert lost_intents(record) == (["i-1"] if is_lost else [])


class TestReplication:
    SERVER: dict[str, Any] = {
        "name": "s-1",
        "migrationId": "mig-1",
        "wave": "w",
        "needsReplication": True,
        "isListed": True,
        "isArchived": False,
        "lifecycleState": "READY_FOR_CUTOVER",
        "replicationState": "CONTINUOUS",
        "replicationError": None,
        "lagSeconds": 0.0,
        "seenAgeSeconds": 97.0,
    }
    FIRST_SYNC = SERVER | {
        "lifecycleState": "NOT_READY",
        "replicationState": "INITIAL_SYNC",
        "lagSeconds": None,
        "replicatedBytes": 25,
        "totalBytes": 100,
    }

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"lagSeconds": 600.0}, OK),
            ({"lagSeconds": 600.5}, WARNING),
            # Absent is not zero.
            ({"lagSeconds": None}, UNKNOWN),
            ({"lagSeconds": None, "replicationState": "INITIAL_SYNC"}, UNKNOWN),
            # A silent agent's lag is old.
            ({"seenAgeSeconds": 2_400.0}, UNKNOWN),
            ({"seenAgeSeconds": None}, UNKNOWN),
            ({"seenAgeSeconds": -3_600.0}, UNKNOWN),
            ({"seenAgeSeconds": 2_400.0, "lagSeconds": 600.5}, WARNING),
            ({"isListed": False}, UNKNOWN),
            ({"isListed": REFUSED}, UNKNOWN),
        ],
    )
    def test_lag(self, change: dict[str, Any], expected: FindingStatus) -> None:
        assert verdict("mgn_server_replication_lag", self.SERVER | change) is expected

    def test_before_the_first_snapshot_there_is_no_lag(self) -> None:
        found = judged("mgn_server_replication_lag", self.FIRST_SYNC)[0]
        assert (found.verdict, found.value) == (OK, None)
        assert "25 % copied" in found.reason
        assert verdict("mgn_server_replication_lag", self.FIRST_SYNC | {"replicationState": "STALLED"}) is UNKNOWN

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({}, OK),
            ({"replicationState": "RESCAN"}, OK),
            ({"replicationState": "PAUSED"}, WARNING),
            ({"replicationState": "STALLED", "replicationError": "AGENT_NOT_SEEN"}, CRITICAL),
            ({"replicationState": "DISCONNECTED"}, CRITICAL),
            ({"replicationState": "STOPPED"}, CRITICAL),
            ({"replicationError": "NOT_CONVERGING"}, CRITICAL),
            ({"isArchived": True}, CRITICAL),
            ({"isArchived": None}, UNKNOWN),
            ({"replicationState": "SOMETHING_NEW"}, UNKNOWN),
            ({"replicationState": None}, UNKNOWN),
            ({"isListed": False}, UNKNOWN),
        ],
    )
    def test_standing_still(self, change: dict[str, Any], expected: FindingStatus) -> None:
        assert verdict("mgn_server_replication_stalled", self.SERVER | change) is expected

    def test_after_the_cutover_replication_is_over_but_the_server_must_be_there(self) -> None:
        over = self.SERVER | {"needsReplication": False, "replicationState": "DISCONNECTED", "lagSeconds": None}
        for check_id in ("mgn_server_replication_lag", "mgn_server_replication_stalled"):
            assert [one.verdict for one in judged(check_id, over)] == [OK]
            assert verdict(check_id, over | {"isListed": False}) is UNKNOWN
