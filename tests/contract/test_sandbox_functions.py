"""The sandbox's functions, log groups and executions keep AWS's rules where moto does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.sandbox.client import SandboxError
from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.lambda_ import make_function
from include.sandbox.estates.clean.logs import make_log_group, write_lines
from include.sandbox.estates.clean.stepfunctions import make_execution, make_state_machine
from include.sandbox.moto.log_filters import TermsFilter
from include.sandbox.sandbox import Sandbox


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with Sandbox(seed="empty", shown="wall") as box:
        yield Account(make=box.boto, control=box.client)


@pytest.fixture(scope="module")
def machine(account: Account) -> str:
    machine = make_state_machine(account, "order")
    make_execution(account, machine, "first", status="FAILED", started_minutes_ago=90, ended_minutes_ago=5)
    make_execution(account, machine, "second", status="TIMED_OUT", started_minutes_ago=60, ended_minutes_ago=40)
    make_execution(account, machine, "third", status="FAILED", started_minutes_ago=30, ended_minutes_ago=20)
    make_execution(account, machine, "young", status="RUNNING", started_minutes_ago=1)
    make_execution(account, machine, "again", status="RUNNING", started_minutes_ago=900, redrivenMinutesAgo=0.5)
    return machine


class TestExecutions:
    @pytest.mark.parametrize(
        ("status", "names"),
        [("FAILED", ["first", "third"]), ("TIMED_OUT", ["second"]), ("RUNNING", ["again", "young"])],
    )
    def test_ended_ones_are_listed_by_their_stop_and_running_ones_by_start_or_redrive(
        self, account: Account, machine: str, status: str, names: list[str]
    ) -> None:
        pages = account.client("stepfunctions").get_paginator("list_executions")
        answer = pages.paginate(stateMachineArn=machine, statusFilter=status, PaginationConfig={"PageSize": 1})
        found = [one for page in answer for one in page["executions"]]
        assert [one["name"] for one in found] == names
        assert all(("stopDate" in one) is (status != "RUNNING") for one in found)

    def test_express_is_refused(self, account: Account) -> None:
        machine = make_state_machine(account, "fast", kind="EXPRESS")
        with pytest.raises(ClientError, match="StateMachineTypeNotSupported"):
            account.client("stepfunctions").list_executions(stateMachineArn=machine)

    def test_pending_redrive_needs_a_map_run(self, account: Account, machine: str) -> None:
        with pytest.raises(ClientError, match="ValidationException"):
            account.client("stepfunctions").list_executions(stateMachineArn=machine, statusFilter="PENDING_REDRIVE")

    @pytest.mark.parametrize("with_data", [True, False])
    def test_history_is_its_own_newest_first_and_with_payload_only_when_asked(
        self, account: Account, machine: str, with_data: bool
    ) -> None:
        arn = machine.replace(":stateMachine:", ":execution:") + ":first"
        wanted = {"executionArn": arn, "reverseOrder": True, "includeExecutionData": with_data}
        answer = account.client("stepfunctions").get_execution_history(maxResults=2, **wanted)
        assert [one["type"] for one in answer["events"]] == ["ExecutionFailed", "TaskStateEntered"]
        assert ("input" in answer["events"][1]["stateEnteredEventDetails"]) is with_data
        rest = account.client("stepfunctions").get_execution_history(nextToken=answer["nextToken"], **wanted)
        assert [one["type"] for one in rest["events"]] == ["ExecutionStarted"]
        assert datetime.now(UTC) - rest["events"][0]["timestamp"] > timedelta(minutes=89)

    @pytest.mark.parametrize("wanted", [{"status": "LOST"}, {"output": "x"}])
    def test_a_past_that_cannot_be_is_refused(self, account: Account, machine: str, wanted: dict[str, Any]) -> None:
        arn = machine.replace(":stateMachine:", ":execution:") + ":first"
        with pytest.raises(SandboxError, match="cannot set"):
            account.control.patch_execution(arn, **wanted)


class TestLogFilters:
    @pytest.mark.parametrize(
        ("pattern", "message", "matches"),
        [
            ("?ERROR ?Exception", "an Exception", True),
            ("?ERROR ?Exception", "error", False),
            ('?ERROR ?"Task timed out"', "Task timed out after 3 s", True),
            ('?ERROR ?"Task timed out"', "timed out Task", False),
            ("ERROR refused", "refused with ERROR", True),
            ("ERROR refused", "ERROR", False),
            ("ERROR -retry", "ERROR, will retry", False),
            # As AWS says: beside another term those with a question mark are ignored.
            ("?ERROR refused", "refused", True),
            ("", "anything", True),
        ],
    )
    def test_terms(self, pattern: str, message: str, matches: bool) -> None:
        assert TermsFilter(pattern).matches(message) is matches

    def test_a_page_without_events_has_a_token(self, account: Account) -> None:
        make_log_group(account, "/aws/lambda/pages")
        write_lines(account, "/aws/lambda/pages", ["calm"], stream="a")
        write_lines(account, "/aws/lambda/pages", ["ERROR"], stream="b")
        request = {"logGroupName": "/aws/lambda/pages", "filterPattern": "?ERROR"}
        first = account.client("logs").filter_log_events(**request)
        assert (first["events"], "nextToken" in first) == ([], True)
        last = account.client("logs").filter_log_events(**request, nextToken=first["nextToken"])
        assert ([one["message"] for one in last["events"]], "nextToken" in last) == (["ERROR"], False)


def test_a_function_keeps_its_dead_letters_log_group_and_key(account: Account) -> None:
    make_function(account, "whole", LoggingConfig={"LogGroup": "/own/group", "LogFormat": "JSON"})
    client = account.client("lambda")
    made = client.get_function_configuration(FunctionName="whole")
    assert made["DeadLetterConfig"]["TargetArn"].endswith(":functions-dlq")
    assert (made["LoggingConfig"]["LogGroup"], made["LoggingConfig"]["LogFormat"]) == ("/own/group", "JSON")
    assert ":key/" in made["KMSKeyArn"]
    client.update_function_configuration(FunctionName="whole", DeadLetterConfig={"TargetArn": ""}, KMSKeyArn="")
    changed = client.get_function_configuration(FunctionName="whole")
    assert not {"DeadLetterConfig", "KMSKeyArn"} & set(changed)
