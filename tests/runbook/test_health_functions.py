"""Functions and their logs: the edges of the traffic guard, absent groups, pages, what never leaves a reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.lambda_ import make_function
from include.sandbox.estates.clean.logs import make_log_group, write_lines
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.inventory import lambda_functions, logs
from migration_ops.aws.reader import AwsReader
from migration_ops.core.config import Names, Resources
from migration_ops.core.facts import Snapshot, failed
from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import Check
from tests.runbook.estates import failures, reader_of

OK, WARNING, CRITICAL, UNKNOWN = (
    FindingStatus.OK,
    FindingStatus.WARNING,
    FindingStatus.CRITICAL,
    FindingStatus.UNKNOWN,
)
LIMITS = Thresholds()
RATE, THROTTLES, LINES = "lambda_function_error_rate", "lambda_function_throttles", "lambda_function_log_errors"
GROUP = "/aws/lambda/f"


@pytest.fixture
def account(box: Sandbox) -> Iterator[Account]:
    box.reset()
    yield Account(make=box.boto, control=box.client)
    box.reset()


def series(*values: float) -> dict[str, Any]:
    return {"values": list(values), "times": [f"2026-01-01T00:0{number}:00Z" for number, _ in enumerate(values)]}


def function(**members: Any) -> dict[str, Any]:
    quiet = {"invocations": series(), "errors": series(), "throttles": series()}
    return {"name": "f", "logGroup": GROUP} | quiet | members


def judged(check_id: str, one: dict[str, Any], **estate: Any) -> Finding:
    found = Check("health", check_id).run(Snapshot({"functions": {"functions": [one]}, **estate}), LIMITS)
    assert len(found) == 1
    return found[0]


def seen_logs(**groups: Any) -> dict[str, Any]:
    return {"prefixes": ["/aws/lambda/"], "groups": [{"name": name, "errors": one} for name, one in groups.items()]}


def lines(count: int, is_cut: bool = False) -> dict[str, Any]:
    return {"count": count, "isCut": is_cut, "lines": [{"at": "t", "stream": "s", "line": "ERROR"}] * min(count, 5)}


class TestErrorRate:
    @pytest.mark.parametrize(
        ("invocations", "errors", "verdict"),
        [
            ((), (), OK),
            ((20,), (0,), OK),
            # At the guard a rate is a rate; below it any error is a warning, and none is well.
            ((20,), (1,), CRITICAL),
            ((19,), (1,), WARNING),
            ((19,), (19,), WARNING),
            ((19,), (0,), OK),
            # At the limit, and the least beyond it.
            ((100,), (1,), OK),
            ((10_000,), (101,), CRITICAL),
            # Over the whole window, not by data point.
            ((50, 150), (0, 2), OK),
            ((50, 149), (1, 1), CRITICAL),
            # Errors of invocations that were counted before the window began.
            ((), (2,), WARNING),
            # Lambda writes Errors with each invocation: none at all says nothing.
            ((30,), (), UNKNOWN),
        ],
    )
    def test_guard(self, invocations: tuple[int, ...], errors: tuple[int, ...], verdict: FindingStatus) -> None:
        found = judged(RATE, function(invocations=series(*invocations), errors=series(*errors)))
        assert found.verdict is verdict, found.reason

    def test_evidence_says_when(self) -> None:
        found = judged(RATE, function(invocations=series(10, 20, 30), errors=series(0, 4, 1)))
        assert found.evidence == ("2026-01-01T00:01:00Z: 4 errors", "2026-01-01T00:02:00Z: 1 errors")

    @pytest.mark.parametrize("member", ["invocations", "errors"])
    def test_a_metric_that_was_not_read_is_unknown(self, member: str) -> None:
        lost = failed("cloudwatch:get_metric_data", _denied())
        assert judged(RATE, function(invocations=series(5), errors=series(0)) | {member: lost}).verdict is UNKNOWN


def _denied() -> Any:
    from migration_ops.aws.errors import AccessDeniedError

    return AccessDeniedError("not allowed")


@pytest.mark.parametrize(("values", "verdict"), [((), OK), ((0, 0), OK), ((0, 1), WARNING)])
def test_throttles(values: tuple[int, ...], verdict: FindingStatus) -> None:
    assert judged(THROTTLES, function(throttles=series(*values))).verdict is verdict


class TestLogEvidence:
    @pytest.mark.parametrize(("count", "verdict"), [(0, OK), (1, WARNING)])
    def test_lines(self, count: int, verdict: FindingStatus) -> None:
        found = judged(LINES, function(), logs=seen_logs(**{GROUP: lines(count)}))
        assert (found.verdict, found.value, len(found.evidence)) == (verdict, count, count)

    def test_a_count_that_was_cut_says_so(self) -> None:
        assert "at least" in judged(LINES, function(), logs=seen_logs(**{GROUP: lines(1000, True)})).reason

    @pytest.mark.parametrize(("invocations", "verdict"), [((), OK), ((0,), OK), ((1,), UNKNOWN)])
    def test_only_a_function_that_was_not_invoked_may_lack_its_group(
        self, invocations: tuple[int, ...], verdict: FindingStatus
    ) -> None:
        found = judged(LINES, function(invocations=series(*invocations)), logs=seen_logs(other=lines(0)))
        assert found.verdict is verdict

    def test_a_group_where_nobody_looks_is_unknown(self) -> None:
        found = judged(LINES, function(logGroup="/own/group"), logs=seen_logs())
        assert found.verdict is UNKNOWN
        assert "logGroupPrefixes" in found.reason

    @pytest.mark.parametrize("groups", [None, "unread"])
    def test_a_list_that_was_not_read_is_unknown(self, groups: str | None) -> None:
        lost = failed("logs:describe_log_groups", _denied()) if groups else None
        assert judged(LINES, function(), logs={"prefixes": ["/aws/lambda/"], "groups": lost}).verdict is UNKNOWN


class TestReading:
    def test_names_of_variables_leave_the_reader_and_their_values_do_not(self, box: Sandbox, account: Account) -> None:
        make_function(account, "f", variables={"DB_PASSWORD": "hunter2-in-clear"})
        found = lambda_functions.read(reader_of(box, account))
        assert found["functions"][0]["variables"] == ["DB_PASSWORD"]
        assert "hunter2" not in json.dumps(found)

    def test_only_our_functions_and_their_groups_are_read(self, box: Sandbox, account: Account) -> None:
        for name in ("ours-1", "theirs-1"):
            make_function(account, name)
        make_log_group(account, "/own/group")
        reader = with_resources(reader_of(box, account), functions=Names(include=("ours-*",)))
        assert [one["name"] for one in lambda_functions.read(reader)["functions"]] == ["ours-1"]
        assert [one["name"] for one in logs.read(reader)["groups"]] == ["/aws/lambda/ours-1"]
        reader = with_resources(reader, log_group_prefixes=("/aws/lambda/", "/own/"))
        assert "/own/group" in [one["name"] for one in logs.read(reader)["groups"]]

    def test_an_installation_that_says_it_has_none_is_well_and_asks_nothing(
        self, box: Sandbox, account: Account
    ) -> None:
        reader = with_resources(reader_of(box, account), functions=Names(include=()))
        box.calls.clear()
        found = lambda_functions.read(reader)
        assert box.calls.counts() == []
        assert [one.verdict for one in Check("health", RATE).run(Snapshot({"functions": found}), LIMITS)] == [OK]

    def test_none_without_being_told_so_is_unknown(self, box: Sandbox, account: Account) -> None:
        found = lambda_functions.read(reader_of(box, account))
        assert [one.verdict for one in Check("health", RATE).run(Snapshot({"functions": found}), LIMITS)] == [UNKNOWN]

    def test_pages_without_an_event_are_not_the_end(self, box: Sandbox, account: Account) -> None:
        make_log_group(account, GROUP)
        write_lines(account, GROUP, ["all is well"], stream="a")
        write_lines(account, GROUP, ["REPORT RequestId: 1"], stream="b")
        write_lines(account, GROUP, ["Task timed out after 3.00 seconds", "error in lower case"], stream="c")
        box.calls.clear()
        found = logs.read(reader_of(box, account))["groups"][0]["errors"]
        assert (found["count"], found["lines"][0]["stream"]) == (1, "c")
        assert box.client.count("logs", "FilterLogEvents") == 3

    def test_the_level_of_a_line_decides_not_a_word_in_it(self, box: Sandbox, account: Account) -> None:
        make_log_group(account, GROUP)
        calm = [
            "INFO done, ERRORS=0",
            "handled ValidationException as expected",
            '{"level": "INFO", "message": "ERROR"}',
        ]
        uncaught = '{"log_level": "ERROR", "errorMessage": "boom", "errorType": "ValueError"}'
        write_lines(account, GROUP, [*calm, uncaught, '{"level": 50, "msg": "boom"}'], stream="a")
        found = logs.read(reader_of(box, account))["groups"][0]["errors"]
        assert (found["count"], found["isCut"]) == (2, False)
        assert found["lines"][0]["line"] == uncaught

    def test_lines_are_counted_up_to_a_bound_and_the_last_ones_kept_redacted(
        self, box: Sandbox, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(logs, "MAX_COUNTED", 8)
        make_log_group(account, GROUP)
        write_lines(account, GROUP, [f"ERROR number {number} password=hunter2" for number in range(9)], stream="a")
        write_lines(account, GROUP, ["ERROR never asked for"], stream="b")
        found = logs.read(reader_of(box, account))["groups"][0]["errors"]
        assert (found["count"], found["isCut"]) == (9, True)
        assert [one["line"] for one in found["lines"]] == [f"ERROR number {n} password=[redacted]" for n in range(4, 9)]

    def test_a_search_without_end_is_unknown(
        self, box: Sandbox, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(logs, "MAX_PAGES", 2)
        make_log_group(account, GROUP)
        for stream in ("a", "b", "c"):
            write_lines(account, GROUP, ["all is well"], stream=stream)
        found = logs.read(reader_of(box, account))
        assert list(failures(found)) == ["logs:filter_log_events"]
        assert judged(LINES, function(), logs=found).verdict is UNKNOWN

    @pytest.mark.parametrize(
        ("operation", "unknown"),
        [
            ("ListFunctions", {RATE, THROTTLES, LINES}),
            ("GetMetricData", {RATE, THROTTLES}),
            ("DescribeLogGroups", {LINES}),
            ("FilterLogEvents", {LINES}),
        ],
    )
    def test_of_a_proxys_page_instead_of_an_answer_nothing_is_well(
        self, box: Sandbox, account: Account, operation: str, unknown: set[str]
    ) -> None:
        make_function(account, "f")
        fault = box.faults.add_document({"kind": "notJson", "operation": operation})
        reader = reader_of(box, account)
        estate = Snapshot({"functions": lambda_functions.read(reader), "logs": logs.read(reader)})
        box.faults.remove(fault.fault_id)
        checks = {check_id: Check("health", check_id).run(estate, LIMITS) for check_id in (RATE, THROTTLES, LINES)}
        assert {check_id for check_id, found in checks.items() if found[0].verdict is UNKNOWN} == unknown

    def test_a_group_that_cannot_be_read_hides_no_other(self, box: Sandbox, account: Account) -> None:
        for name in ("f", "g", "h"):
            make_log_group(account, f"/aws/lambda/{name}")
        box.faults.add_document({"kind": "accessDenied", "service": "logs", "operation": "FilterLogEvents", "times": 1})
        found = logs.read(reader_of(box, account))
        assert len(list(failures(found))) == 1
        verdicts = [
            judged(LINES, function(name=name, logGroup=f"/aws/lambda/{name}"), logs=found).verdict for name in "fgh"
        ]
        assert sorted(verdicts) == [OK, OK, UNKNOWN]


def with_resources(reader: AwsReader, **members: Any) -> AwsReader:
    resources: Resources = reader.config.resources.model_copy(update=members)
    return replace(reader, config=reader.config.model_copy(update={"resources": resources}))
