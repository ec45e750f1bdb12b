"""The stack is created, shown, updated and left alone, on moto."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from include.cloudformation.sandbox_deploy import GAPS, TEMPLATE, deploy
from include.sandbox.moto import dynamodb_encryption, s3_policies
from migration_ops.aws import stack
from migration_ops.core.errors import BlockedError, MigrationError, StepFailedError
from migration_ops.core.settings import Settings
from migration_ops.ledger.chain import verify
from migration_ops.ledger.dynamodb import DynamoDbLedger
from tests.aws.stack.scripted import Scripted, stacks
from tests.ledger.builders import a_holder, a_record

BODY = TEMPLATE.read_text(encoding="utf-8")
NAME = "migration-ops"


def prepared(cloudformation: Any, token: str, body: str = BODY) -> stack.ChangeSet:
    return stack.prepare(cloudformation, NAME, body, stack.parameters_of(Settings()), token)


def deployed(cloudformation: Any, token: str = "run-1", body: str = BODY) -> stack.Plan:
    change_set = prepared(cloudformation, token, body)
    plan = stack.look(cloudformation, change_set)
    assert plan is not None
    stack.execute(cloudformation, change_set, plan)
    assert plan.up_to_date or stack.outputs_when_done(cloudformation, change_set) is not None
    return plan


def test_first_time_creates_everything_second_time_nothing(client_for: Callable[[str], Any]) -> None:
    cloudformation = client_for("cloudformation")
    first = deployed(cloudformation)
    assert {change["action"] for change in first.changes} == {"Add"}
    table = client_for("dynamodb").describe_table(TableName="migration-state")["Table"]
    assert len(table["GlobalSecondaryIndexes"]) == 3
    assert deployed(cloudformation, "run-2") == stack.Plan(up_to_date=True)
    assert stack.stack_status(cloudformation, NAME) == "CREATE_COMPLETE"


def test_a_change_is_shown_and_made(client_for: Callable[[str], Any]) -> None:
    cloudformation = client_for("cloudformation")
    deployed(cloudformation)
    plan = deployed(cloudformation, "run-2", BODY.replace("VisibilityTimeout: 300", "VisibilityTimeout: 301"))
    assert plan.changes == [{"action": "Modify", "resource": "RequestQueue", "type": "AWS::SQS::Queue"}]
    sqs = client_for("sqs")
    url = sqs.get_queue_url(QueueName="migration-requests")["QueueUrl"]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["VisibilityTimeout"] == "301"
    assert stack.stack_status(cloudformation, NAME) == "UPDATE_COMPLETE"


def test_a_plan_that_is_discarded_leaves_nothing(client_for: Callable[[str], Any]) -> None:
    cloudformation = client_for("cloudformation")
    change_set = prepared(cloudformation, "run-1")
    assert stack.stack_status(cloudformation, NAME) == "REVIEW_IN_PROGRESS"
    for _ in range(2):
        stack.discard(cloudformation, change_set)
    assert stack.stack_status(cloudformation, NAME) in (None, "DELETE_COMPLETE")
    assert client_for("dynamodb").list_tables()["TableNames"] == []


def test_discarding_never_deletes_a_stack_that_has_resources(client_for: Callable[[str], Any]) -> None:
    cloudformation = client_for("cloudformation")
    change_set = prepared(cloudformation, "run-1")
    plan = stack.look(cloudformation, change_set)
    assert plan
    stack.execute(cloudformation, change_set, plan)
    stack.discard(cloudformation, change_set)
    assert stack.stack_status(cloudformation, NAME) == "CREATE_COMPLETE"


def test_an_executed_change_set_is_not_executed_again(client_for: Callable[[str], Any]) -> None:
    """As after a lost answer, when the task is cleared."""
    cloudformation = client_for("cloudformation")
    change_set = prepared(cloudformation, "run-1")
    plan = stack.look(cloudformation, change_set)
    assert plan
    stack.execute(cloudformation, change_set, plan)
    again = stack.look(cloudformation, change_set)
    assert again
    assert again.executed
    stack.execute(cloudformation, change_set, again)


def test_outputs_alone_are_a_change_too() -> None:
    """A change set without resource changes is still executed: outputs and tags are not listed in it."""
    client = Scripted(describe_change_set={"Status": "CREATE_COMPLETE", "Changes": []}, execute_change_set={})
    change_set = stack.ChangeSet(NAME, "arn", "UPDATE")
    plan = stack.look(client, change_set)
    assert plan
    stack.execute(client, change_set, plan)
    assert client.calls == ["describe_change_set", "execute_change_set"]


@pytest.mark.parametrize("status", ["EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"])
def test_a_change_set_on_its_way_is_not_sent_again(status: str) -> None:
    client = Scripted(describe_change_set={"Status": "CREATE_COMPLETE", "ExecutionStatus": status, "Changes": []})
    change_set = stack.ChangeSet(NAME, "arn", "UPDATE")
    plan = stack.look(client, change_set)
    assert plan
    stack.execute(client, change_set, plan)
    assert client.calls == ["describe_change_set"]


UPDATE = stack.ChangeSet(NAME, "arn", "UPDATE")
GOOD = stacks("UPDATE_COMPLETE", {"OutputKey": "TableName", "OutputValue": "t"})


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"])
def test_a_stack_in_the_way_blocks(status: str) -> None:
    with pytest.raises(BlockedError, match="cannot be changed in this state"):
        prepared(Scripted(describe_stacks=stacks(status)), "run-1")


def test_a_change_set_in_the_making_is_waited_for() -> None:
    client = Scripted(describe_change_set={"Status": "CREATE_IN_PROGRESS"})
    assert stack.look(client, stack.ChangeSet(NAME, "arn", "CREATE")) is None


@pytest.mark.parametrize(
    "reason", ["The submitted information didn't contain changes.", "No updates are to be performed."]
)
def test_nothing_to_do_is_a_success(reason: str) -> None:
    client = Scripted(describe_change_set={"Status": "FAILED", "StatusReason": reason})
    assert stack.look(client, stack.ChangeSet(NAME, "arn", "UPDATE")) == stack.Plan(up_to_date=True)


def test_a_wrong_template_is_a_failure() -> None:
    client = Scripted(describe_change_set={"Status": "FAILED", "StatusReason": "Template error: x"})
    with pytest.raises(StepFailedError, match="Template error"):
        stack.look(client, stack.ChangeSet(NAME, "arn", "UPDATE"))


@pytest.mark.parametrize(
    ("found", "is_found_again"),
    [
        ({"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE"}, True),
        ({"Status": "CREATE_IN_PROGRESS"}, True),
        ({"Status": "CREATE_COMPLETE", "ExecutionStatus": "EXECUTE_COMPLETE"}, True),
        ({"Status": "FAILED", "StatusReason": "The submitted information didn't contain changes."}, True),
        ({"Status": "FAILED", "StatusReason": "Parameters: [x] must have values"}, False),
        ({"Status": "CREATE_COMPLETE", "ExecutionStatus": "OBSOLETE"}, False),
        ({"Status": "CREATE_COMPLETE", "ExecutionStatus": "EXECUTE_FAILED"}, False),
    ],
)
def test_after_a_known_failure_a_cleared_task_makes_another_change_set(
    found: dict[str, Any], is_found_again: bool
) -> None:
    there = Scripted.exceptions.AlreadyExistsException()
    client = Scripted(
        describe_stacks=GOOD,
        create_change_set=[there, {"Id": "another"}],
        describe_change_set={"ChangeSetId": "the-first", **found},
    )
    assert prepared(client, "run-1").change_set_id == ("the-first" if is_found_again else "another")


def test_change_sets_are_not_made_without_end() -> None:
    there = Scripted.exceptions.AlreadyExistsException()
    failed = {"ChangeSetId": "x", "Status": "FAILED", "StatusReason": "Template error"}
    client = Scripted(describe_stacks=GOOD, create_change_set=[there] * 100, describe_change_set=failed)
    with pytest.raises(BlockedError, match="trigger a new run"):
        prepared(client, "run-1")


def test_all_pages_of_a_change_set_are_shown() -> None:
    one = {"ResourceChange": {"Action": "Add", "LogicalResourceId": "A"}}
    pages = [
        {"Status": "CREATE_COMPLETE", "Changes": [one], "NextToken": "n"},
        {"Status": "CREATE_COMPLETE", "Changes": [one]},
    ]
    plan = stack.look(Scripted(describe_change_set=pages), stack.ChangeSet(NAME, "arn", "CREATE"))
    assert plan
    assert len(plan.changes) == 2


@pytest.mark.parametrize(
    "status", ["CREATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"]
)
def test_a_stack_that_is_changing_is_waited_for(status: str) -> None:
    assert stack.outputs_when_done(Scripted(describe_stacks=stacks(status)), UPDATE) is None


@pytest.mark.parametrize("execution", ["AVAILABLE", "EXECUTE_IN_PROGRESS"])
def test_the_good_end_of_the_change_before_is_not_taken_for_this_one(execution: str) -> None:
    client = Scripted(describe_stacks=GOOD, describe_change_set={"Status": "X", "ExecutionStatus": execution})
    assert stack.outputs_when_done(client, UPDATE) is None


@pytest.mark.parametrize("execution", ["EXECUTE_FAILED", "OBSOLETE", "UNAVAILABLE", None])
def test_a_change_that_was_not_executed_is_a_failure(execution: str | None) -> None:
    client = Scripted(describe_stacks=GOOD, describe_change_set={"Status": "X", "ExecutionStatus": execution})
    with pytest.raises(StepFailedError, match="not made"):
        stack.outputs_when_done(client, UPDATE)


def test_an_executed_change_answers_the_outputs() -> None:
    done = {"Status": "X", "ExecutionStatus": "EXECUTE_COMPLETE"}
    client = Scripted(describe_stacks=GOOD, describe_change_set=done)
    assert stack.outputs_when_done(client, UPDATE) == {"TableName": "t"}


@pytest.mark.parametrize(
    "status", ["ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_COMPLETE"]
)
def test_a_stack_that_was_rolled_back_is_a_failure_with_its_reasons(status: str) -> None:
    event = {"LogicalResourceId": "LedgerTable", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "exists"}
    client = Scripted(describe_stacks=stacks(status), describe_stack_events={"StackEvents": [event]})
    with pytest.raises(StepFailedError, match="LedgerTable: exists"):
        stack.outputs_when_done(client, UPDATE)


def test_the_sandbox_gets_the_stack_with_its_gaps_named_and_filled(client_for: Callable[[str], Any]) -> None:
    for one in (s3_policies, dynamodb_encryption):
        one.install()
    for _ in range(2):
        missing = deploy(client_for("cloudformation"), client_for=client_for, with_alarm=True)
    policies = {"EvidenceBucketPolicy", "TopicPolicy", "RequestQueuePolicy", "MigrationBusPolicy"}
    assert {one for one in missing if "." not in one} == policies | {"HeartbeatAlarm"}
    [alarm] = client_for("cloudwatch").describe_alarms()["MetricAlarms"]
    assert (alarm["AlarmName"], alarm["TreatMissingData"]) == ("migration-runbook-heartbeat", "breaching")
    assert [arn.rsplit(":", 1)[-1] for arn in alarm["AlarmActions"]] == ["migration-on-call"]
    assert alarm["Dimensions"] == [{"Name": "Dag", "Value": "runbook_health_check"}]
    assert {one.split(".")[0] for one in missing if "." in one} == set(GAPS)
    dynamodb, s3 = client_for("dynamodb"), client_for("s3")
    recovery = dynamodb.describe_continuous_backups(TableName="migration-state")["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert dynamodb.describe_time_to_live(TableName="migration-state")["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expiresAt",
    }
    described = client_for("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
    assert s3.get_bucket_versioning(Bucket=outputs["EvidenceBucketName"])["Status"] == "Enabled"
    assert "TlsOnly" in s3.get_bucket_policy(Bucket=outputs["EvidenceBucketName"])["Policy"]
    s3.put_object(Bucket=outputs["EvidenceBucketName"], Key="k", Body=b"the policy lets TLS in")
    table = dynamodb.describe_table(TableName="migration-state")["Table"]
    assert (table["SSEDescription"]["SSEType"], table["DeletionProtectionEnabled"]) == ("KMS", True)
    assert len(table["GlobalSecondaryIndexes"]) == 3


@pytest.mark.parametrize("gap", sorted(f"{name}.{one}" for name, ignored in GAPS.items() for one in ignored))
def test_the_gaps_are_properties_of_the_template(gap: str) -> None:
    from include.cloudformation.sandbox_deploy import load_template

    name, one = gap.split(".")
    assert one in load_template(BODY)["Resources"][name]["Properties"]


def test_the_ledger_works_on_the_table_of_the_template(client_for: Callable[[str], Any]) -> None:
    deploy(client_for("cloudformation"))
    ledger = DynamoDbLedger(client_for("dynamodb"), "migration-state")
    [record] = ledger.write([a_record()], [a_record()], "registered", holder=a_holder())
    assert ledger.by_wave("wave-3") == ledger.by_app("billing") == ledger.by_status(record.status) == [record]
    assert verify(ledger.history(record.migration_id), record) == []


def test_requests_on_the_bus_reach_the_queue(client_for: Callable[[str], Any]) -> None:
    deploy(client_for("cloudformation"))
    entry = {"Source": "migration-requests", "DetailType": "MigrationRequested", "Detail": '{"wave": "w"}'}
    client_for("events").put_events(Entries=[entry | {"EventBusName": "custom-migration-bus"}])
    sqs = client_for("sqs")
    url = sqs.get_queue_url(QueueName="migration-requests")["QueueUrl"]
    assert len(sqs.receive_message(QueueUrl=url).get("Messages", [])) == 1


def test_no_answer_is_a_package_error() -> None:
    from botocore.exceptions import EndpointConnectionError

    class Dead(Scripted):
        def __getattr__(self, name: str) -> Any:
            def call(**_: Any) -> None:
                raise EndpointConnectionError(endpoint_url="http://127.0.0.1")

            return call

    with pytest.raises(MigrationError):
        prepared(Dead(), "run-1")


class TestTheLockOfTheBucket:
    """A new stack has it, an existing one keeps what it was made with."""

    def sent(self, *known: str, status: str | None = "UPDATE_COMPLETE") -> dict[str, Any]:
        sent: dict[str, Any] = {}
        found = stacks(status or "")
        found["Stacks"][0]["Parameters"] = [{"ParameterKey": one, "ParameterValue": "kept"} for one in known]
        client = Scripted(describe_stacks=found if status else {"Stacks": []})

        def create_change_set(**request: Any) -> dict[str, Any]:
            for one in request["Parameters"]:
                sent[one["ParameterKey"]] = one.get("ParameterValue", one.get("UsePreviousValue"))
            return {"Id": "arn"}

        client.__dict__["create_change_set"] = create_change_set
        stack.prepare(client, NAME, BODY, {"TableName": "t"}, "run-1")
        return sent

    @pytest.mark.parametrize("status", [None, "REVIEW_IN_PROGRESS", "DELETE_COMPLETE"])
    def test_a_new_stack_is_made_with_it(self, status: str | None) -> None:
        assert self.sent(status=status) == {
            "TableName": "t",
            "EvidenceLockMode": "GOVERNANCE",
            "EvidenceBucketMadeLocked": "true",
        }

    def test_an_older_stack_is_left_without_it(self) -> None:
        assert self.sent("TableName", "EvidenceLockMode") == {"TableName": "t", "EvidenceLockMode": True}

    def test_a_stack_that_has_it_keeps_it(self) -> None:
        names = ("EvidenceLockMode", "EvidenceBucketMadeLocked")
        assert self.sent(*names) == {"TableName": "t"} | dict.fromkeys(names, True)

    def test_the_bucket_of_a_new_stack_is_locked_and_stays_so(self, client_for: Callable[[str], Any]) -> None:
        cloudformation = client_for("cloudformation")
        for run in ("run-1", "run-2"):
            deployed(cloudformation, run, BODY.replace("VisibilityTimeout: 300", f"VisibilityTimeout: 30{run[-1]}"))
            given = cloudformation.describe_stacks(StackName=NAME)["Stacks"][0]["Parameters"]
            values = {one["ParameterKey"]: one["ParameterValue"] for one in given}
            assert {key: values[key] for key in stack.AT_CREATION} == stack.AT_CREATION
