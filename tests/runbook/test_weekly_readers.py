"""What the weekly review reads, against the sandbox."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from include.sandbox.estates import fake_pip
from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.weekly import ended_migrations, use_packages
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.inventory import cost_week
from migration_ops.aws.reader import AwsReader
from migration_ops.core.documents import rehearsal_wave_for
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import Snapshot, failed, is_failed
from migration_ops.core.finding import FindingStatus
from migration_ops.core.settings import Settings
from migration_ops.core.thresholds import Thresholds
from migration_ops.ledger import outcomes
from migration_ops.runbook.checks.check import Check
from migration_ops.runbook.checks.tables import tables_of
from migration_ops.runbook.scanners import dependencies
from migration_ops.runbook.scanners.packages import installed
from tests.runbook.estates import account_of, reader_of


@pytest.fixture(scope="module")
def deployed(box: Sandbox) -> Iterator[Account]:
    box.reset()
    yield account_of(box)
    box.reset()


@pytest.fixture
def account(box: Sandbox, deployed: Account) -> Account:
    """An account of which nothing is known yet: the same stack for all tests, its ledger emptied."""
    box.faults.remove()
    dynamodb, table = box.boto("dynamodb"), deployed.settings["MIGRATION_OPS_TABLE_NAME"]
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={"migrationId": item["migrationId"]})
    return replace(deployed, settings=dict(deployed.settings))


def verdicts(check_id: str, reader: str, document: dict[str, Any]) -> list[tuple[str, FindingStatus]]:
    found = Check("weekly", check_id).run(Snapshot({reader: document}), Thresholds())
    return [(one.resource, one.verdict) for one in found]


class TestLedgerOutcomes:
    def test_a_quiet_week_is_well(self, box: Sandbox, account: Account) -> None:
        read = outcomes.read(reader_of(box, account))
        assert read["waves"] == []
        assert read["totals"]["now"] == {"COMPLETED": 0, "FAILED": 0, "FROZEN": 0, "ROLLED_BACK": 0}
        assert verdicts("ledger_success_rate", "ledger_outcomes", read) == [("*", FindingStatus.OK)]

    def test_what_ended_counts_in_the_window_in_which_it_ended(self, box: Sandbox, account: Account) -> None:
        ended_migrations(account, "now", 3, hours_ago=2, minutes=100)
        ended_migrations(account, "now", 1, hours_ago=2, error_code="TIMED_OUT")
        ended_migrations(account, "before", 2, hours_ago=30, minutes=60)
        ended_migrations(account, "before", 1, hours_ago=30, error_code="TIMED_OUT")
        ended_migrations(account, "long ago", 5, hours_ago=72, error_code="THROTTLED")
        read = outcomes.read(reader_of(box, account))
        assert read["waves"] == [
            {
                "name": "now",
                "ended": 4,
                "completed": 3,
                "byStatus": {"COMPLETED": 3, "FAILED": 1, "FROZEN": 0, "ROLLED_BACK": 0},
                "medianMinutes": 100.0,
                "beforeMedianMinutes": 60.0,
            }
        ]
        assert [(one["name"], one["now"], one["before"]) for one in read["errors"]] == [("TIMED_OUT", 1, 1)]
        assert read["errors"][0]["migrations"] == ["mig-now-timed-out-0"]
        assert read["totals"]["before"]["COMPLETED"] == 2

    def test_migrations_on_their_way_do_not_count(self, box: Sandbox, account: Account) -> None:
        ended_migrations(account, "done", 1, hours_ago=1)
        dynamodb, table = box.boto("dynamodb"), account.settings["MIGRATION_OPS_TABLE_NAME"]
        dynamodb.update_item(
            TableName=table,
            Key={"migrationId": {"S": "mig-done-done-0"}},
            UpdateExpression="SET #status = :on",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":on": {"S": "MIGRATION_IN_PROGRESS"}},
        )
        assert outcomes.read(reader_of(box, account))["waves"] == []

    def test_one_status_that_cannot_be_read_leaves_no_half_rate(self, box: Sandbox, account: Account) -> None:
        ended_migrations(account, "fine", 4, hours_ago=1)
        box.faults.add_document({"kind": "accessDenied", "service": "dynamodb", "operation": "Query", "times": 1})
        read = outcomes.read(reader_of(box, account))
        assert is_failed(read["waves"])
        assert is_failed(read["errors"])
        assert is_failed(read["totals"])

    def test_an_item_that_this_package_did_not_write_is_not_skipped(self, box: Sandbox, account: Account) -> None:
        item = {"migrationId": "odd", "status": "FAILED", "updatedAt": account.now.isoformat()}
        box.boto("dynamodb").put_item(
            TableName=account.settings["MIGRATION_OPS_TABLE_NAME"],
            Item={name: {"S": value} for name, value in item.items()},
        )
        assert is_failed(outcomes.read(reader_of(box, account))["waves"])

    @pytest.mark.parametrize(("failed", "verdict"), [(1, FindingStatus.OK), (2, FindingStatus.CRITICAL)])
    def test_the_limit_of_the_success_rate(
        self, box: Sandbox, account: Account, failed: int, verdict: FindingStatus
    ) -> None:
        ended_migrations(account, "wave", 20 - failed, hours_ago=1)
        ended_migrations(account, "wave", failed, hours_ago=1, error_code="STEP_FAILED")
        read = outcomes.read(reader_of(box, account))
        assert verdicts("ledger_success_rate", "ledger_outcomes", read) == [("wave", verdict)]

    @pytest.mark.parametrize(
        ("ended", "verdict"), [(1, FindingStatus.WARNING), (4, FindingStatus.WARNING), (5, FindingStatus.CRITICAL)]
    )
    def test_of_few_migrations_a_rate_says_nothing(
        self, box: Sandbox, account: Account, ended: int, verdict: FindingStatus
    ) -> None:
        ended_migrations(account, "wave", ended, hours_ago=1, error_code="STEP_FAILED")
        read = outcomes.read(reader_of(box, account))
        assert verdicts("ledger_success_rate", "ledger_outcomes", read) == [("wave", verdict)]

    def test_rehearsals_of_the_drill_do_not_count(self, box: Sandbox, account: Account) -> None:
        ended_migrations(account, rehearsal_wave_for("run-1"), 1, hours_ago=1, error_code="STEP_FAILED")
        read = outcomes.read(reader_of(box, account))
        assert (read["waves"], read["errors"]) == ([], [])
        # A wave of somebody's own of such a name is one like others.
        ended_migrations(account, "drill-2", 1, hours_ago=1)
        assert [one["name"] for one in outcomes.read(reader_of(box, account))["waves"]] == ["drill-2"]

    @pytest.mark.parametrize(
        ("now", "before", "verdict"),
        [(2, 0, FindingStatus.OK), (3, 0, FindingStatus.WARNING), (4, 2, FindingStatus.OK)],
    )
    def test_the_limit_of_growing_errors(
        self, box: Sandbox, account: Account, now: int, before: int, verdict: FindingStatus
    ) -> None:
        ended_migrations(account, "wave", now, hours_ago=1, error_code="STEP_FAILED")
        if before:
            ended_migrations(account, "earlier", before, hours_ago=25, error_code="STEP_FAILED")
        read = outcomes.read(reader_of(box, account))
        assert verdicts("ledger_error_growth", "ledger_outcomes", read) == [("STEP_FAILED", verdict)]

    @pytest.mark.parametrize(
        ("minutes", "earlier", "verdict"),
        [(90, 60, FindingStatus.OK), (91, 60, FindingStatus.WARNING), (999, None, FindingStatus.OK)],
    )
    def test_the_limit_of_growing_durations(
        self, box: Sandbox, account: Account, minutes: float, earlier: float | None, verdict: FindingStatus
    ) -> None:
        ended_migrations(account, "wave", 2, hours_ago=1, minutes=minutes)
        if earlier:
            ended_migrations(account, "earlier", 2, hours_ago=25, minutes=earlier)
        read = outcomes.read(reader_of(box, account))
        assert verdicts("ledger_duration_growth", "ledger_outcomes", read) == [("wave", verdict)]


class Spent:
    """Cost Explorer with one service: an amount a day since a date, and more on each first of the month."""

    def __init__(self, since: dict[str, float], monthly: float) -> None:
        self.since, self.monthly = since, monthly

    def get_cost_and_usage(self, **request: Any) -> dict[str, Any]:
        start, end = (date.fromisoformat(request["TimePeriod"][name]) for name in ("Start", "End"))
        days = [start + timedelta(days=number) for number in range((end - start).days)]
        return {
            "ResultsByTime": [{"TimePeriod": {"Start": day.isoformat()}, "Groups": self.groups(day)} for day in days]
        }

    def groups(self, day: date) -> list[dict[str, Any]]:
        amount = max([(at, some) for at, some in self.since.items() if at <= day.isoformat()], default=("", 0.0))[1]
        amount += self.monthly if day.day == 1 else 0
        metrics = {"UnblendedCost": {"Amount": str(amount), "Unit": "USD"}}
        return [{"Keys": ["AWS Support (Business)"], "Metrics": metrics}] if amount else []


class TestCostWeek:
    DAY = timedelta(days=1)

    def spend(self, box: Sandbox, service: str, first: int, last: int, amount: float) -> None:
        """``amount`` a day, from so many days ago until so many days ago."""
        today = self.now.date()
        line = {"service": service, "usageType": "any", "amount": amount}
        days = {"from": (today - first * self.DAY).isoformat(), "to": (today - last * self.DAY).isoformat()}
        box.client.write_history(costs=[line | days])

    @pytest.fixture(autouse=True)
    def _now(self, account: Account) -> None:
        self.now = account.now

    def test_two_weeks_of_seven_settled_days(self, box: Sandbox, account: Account) -> None:
        self.spend(box, "Steady", 40, 0, 7.0)
        read = cost_week.read(reader_of(box, account))
        assert {"name": "Steady", "currency": "USD", "now": 49.0, "before": 49.0} in read["services"]
        assert read["until"] == (self.now.date() - self.DAY).isoformat()

    def test_yesterday_and_today_are_still_growing_and_do_not_count(self, box: Sandbox, account: Account) -> None:
        self.spend(box, "Moved", 8, 2, 1.0)
        self.spend(box, "Moved", 1, 0, 1000.0)
        self.spend(box, "Moved", 16, 16, 1000.0)
        read = cost_week.read(reader_of(box, account))
        assert {"name": "Moved", "currency": "USD", "now": 7.0, "before": 0.0} in read["services"]

    def verdict_on(self, day: str, spent: dict[str, float], monthly: float) -> FindingStatus:
        """Of a service that costs so much a day from a date on, and ``monthly`` more on each first of the month."""
        services = Spent(spent, monthly)
        now = datetime.fromisoformat(f"{day}T09:00:00+00:00")
        reader = AwsReader(lambda _: services, None, Settings(), now, 7 * self.DAY)  # type: ignore[arg-type]
        return verdicts("cost_week_growth", "cost_week", cost_week.read(reader))[0][1]

    @pytest.mark.parametrize("day", ["2026-09-03", "2026-10-03", "2026-11-05", "2026-11-09", "2026-11-16"])
    def test_what_is_billed_on_the_first_is_no_growth(self, day: str) -> None:
        assert self.verdict_on(day, {}, monthly=100) is FindingStatus.OK
        assert self.verdict_on(day, {"2026-01-01": 0.3}, monthly=50) is FindingStatus.OK

    @pytest.mark.parametrize("day", ["2026-11-05", "2026-11-09", "2026-11-12"])
    def test_growth_beside_it_is_seen(self, day: str) -> None:
        """Also when the monthly amount is in the week before and would make up for it."""
        start = (datetime.fromisoformat(day) - 8 * self.DAY).date().isoformat()
        assert self.verdict_on(day, {"2026-01-01": 1, start: 9}, monthly=100) is FindingStatus.WARNING

    def test_the_report_shows_all_that_was_spent(self) -> None:
        services = Spent({"2026-01-01": 1}, 100)
        now = datetime(2026, 11, 5, tzinfo=UTC)
        reader = AwsReader(lambda _: services, None, Settings(), now, 7 * self.DAY)  # type: ignore[arg-type]
        one = cost_week.read(reader)["services"][0]
        assert (one["now"], one["before"], one["monthly"]) == (107.0, 7.0, {"now": 100.0, "before": 0.0})

    def test_a_day_without_an_answer_is_not_a_day_without_cost(self, account: Account) -> None:
        class Half:
            def get_cost_and_usage(self, **request: Any) -> dict[str, Any]:
                return {"ResultsByTime": [{"TimePeriod": {"Start": request["TimePeriod"]["Start"]}, "Groups": []}]}

        reader = AwsReader(lambda _: Half(), None, Settings(), self.now, 7 * self.DAY)  # type: ignore[arg-type]
        assert is_failed(cost_week.read(reader)["services"])

    @pytest.mark.parametrize(
        ("before", "now", "verdict"),
        [
            (100, 125, FindingStatus.OK),
            (100, 126, FindingStatus.WARNING),
            (1, 11, FindingStatus.OK),
            (1, 12, FindingStatus.WARNING),
            (0, 10, FindingStatus.OK),
            (0, 11, FindingStatus.WARNING),
            (100, 0, FindingStatus.OK),
            # A refund: from less than nothing there is no percentage.
            (-50, 5, FindingStatus.WARNING),
        ],
    )
    def test_the_limit_of_growth(self, before: float, now: float, verdict: FindingStatus) -> None:
        service = {"name": "Amazon EC2", "currency": "USD", "now": float(now), "before": float(before)}
        read = {"services": [service]}
        assert verdicts("cost_week_growth", "cost_week", read) == [("Amazon EC2", verdict)]


class TestDependencies:
    """No package index is asked: ``fake_pip`` answers."""

    def reader(self, box: Sandbox, account: Account, *words: str) -> AwsReader:
        reader = reader_of(box, account)
        if words:
            command = shlex.join([sys.executable, fake_pip.__file__, *words])
            reader.settings = replace(reader.settings, pip_list_command=command)
        return reader

    def test_as_locked_and_up_to_date(self, box: Sandbox, account: Account) -> None:
        use_packages(account, installed())
        read = dependencies.read(self.reader(box, account))
        assert verdicts("packages_lock_drift", "dependencies", read) == [("requirements.txt", FindingStatus.OK)]
        assert verdicts("packages_outdated", "dependencies", read) == [("package index", FindingStatus.OK)]

    def test_missing_and_other_versions_drift_and_extra_ones_are_named(self, box: Sandbox, account: Account) -> None:
        have = installed()
        use_packages(account, {"pyyaml": have["pyyaml"], "jinja2": "0.1", "not-there": "1.0"})
        read = dependencies.read(self.reader(box, account))
        assert verdicts("packages_lock_drift", "dependencies", read) == [
            ("jinja2", FindingStatus.WARNING),
            ("not-there", FindingStatus.WARNING),
        ]
        assert "moto" in read["locks"][0]["extra"]

    def test_a_version_may_be_written_in_two_ways(self, box: Sandbox, account: Account) -> None:
        read = {
            "locks": [{"name": "l", "extra": [], "packages": [{"name": "a", "locked": "1.0", "installed": "1.0.0"}]}]
        }
        assert verdicts("packages_lock_drift", "dependencies", read) == [("l", FindingStatus.OK)]

    def test_what_the_index_did_not_answer_is_unknown(self, box: Sandbox, account: Account) -> None:
        use_packages(account, installed())
        read = dependencies.read(self.reader(box, account, "--unanswered", "PyYAML"))
        assert read["indexes"][0]["unanswered"] == ["pyyaml"]
        assert verdicts("packages_outdated", "dependencies", read) == [("package index", FindingStatus.UNKNOWN)]

    def test_only_locked_packages_count(self, box: Sandbox, account: Account) -> None:
        use_packages(account, {"pyyaml": installed()["pyyaml"]})
        read = dependencies.read(self.reader(box, account, "--newer", "PyYAML", "--newer", "moto"))
        assert [one["name"] for one in read["indexes"][0]["outdated"]] == ["PyYAML"]

    def test_without_a_lock_nothing_is_known(self, box: Sandbox, account: Account) -> None:
        account.settings["MIGRATION_OPS_LOCK_FILE"] = "/no/such/requirements.txt"
        account.settings["MIGRATION_OPS_PIP_LIST_COMMAND"] = shlex.join([sys.executable, fake_pip.__file__])
        read = dependencies.read(self.reader(box, account))
        for check_id in ("packages_lock_drift", "packages_outdated"):
            assert [verdict for _, verdict in verdicts(check_id, "dependencies", read)] == [FindingStatus.UNKNOWN]


class TestTables:
    LIMITS = Thresholds()

    def test_they_show_what_was_read(self, box: Sandbox, account: Account) -> None:
        ended_migrations(account, "now", 3, hours_ago=2)
        ended_migrations(account, "now", 1, hours_ago=2, error_code="TIMED_OUT")
        use_packages(account, installed(), newer=["PyYAML"])
        reader = reader_of(box, account)
        estate = {
            "ledger_outcomes": outcomes.read(reader),
            "cost_week": cost_week.read(reader),
            "dependencies": dependencies.read(reader),
        }
        ended, costs, outdated = tables_of("weekly", Snapshot(estate), self.LIMITS)
        assert ended["rows"][-1] == ["completed, percent", None, 75.0]
        assert ["FAILED", 0, 1] in ended["rows"]
        assert costs["head"][-1].startswith("Seven days until 20")
        assert [row[0] for row in outdated["rows"]] == ["PyYAML"]

    def test_what_was_not_read_says_so(self) -> None:
        lost = failed("reader", UnknownError("refused"))
        estate = {"ledger_outcomes": lost, "cost_week": lost, "dependencies": lost}
        assert [one["head"] for one in tables_of("weekly", Snapshot(estate), self.LIMITS)] == [
            ["Could not be read"]
        ] * 3
