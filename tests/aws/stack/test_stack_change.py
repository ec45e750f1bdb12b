"""A change set as a change: whose stack it is, when a person is asked, what counts as made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from include.cloudformation.sandbox_deploy import TEMPLATE, deploy
from migration_ops.aws import stack
from migration_ops.aws.errors import AccessDeniedError
from migration_ops.aws.stack import BorrowedRoleError, ChangeSet, NotOurStackError, Plan
from migration_ops.aws.stack_change import WHOLE_STACK, StackChange, change_plan, verified_outputs
from migration_ops.core.carry_out import ChangeNotMadeError, ChangeUnknownError, Effect, act_once, carry_out
from migration_ops.core.change import Approval, NotApprovedError, PlanChangedError
from migration_ops.core.errors import MigrationError, OutcomeUnknownError
from migration_ops.core.settings import Settings
from tests.aws.stack.scripted import Scripted, stacks

NAME = "migration-ops"
BODY = TEMPLATE.read_text(encoding="utf-8")
UPDATE = ChangeSet(NAME, "arn", "UPDATE")
NETWORK = """
AWSTemplateFormatVersion: "2010-09-09"
Description: The network of production.
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16}
"""
OUTPUT = {"OutputKey": "TableName", "OutputValue": "t"}


def prepared(cloudformation: Any, name: str, body: str = BODY) -> ChangeSet:
    return stack.prepare(cloudformation, name, body, stack.parameters_of(Settings()), "run-1")


def refused(operation: str, code: str = "AccessDenied") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


class TestWhoseStackItIs:
    def test_somebody_elses_stack_gets_no_change_set(self, client_for: Callable[[str], Any]) -> None:
        cloudformation = client_for("cloudformation")
        cloudformation.create_stack(StackName="prod-network", TemplateBody=NETWORK)
        with pytest.raises(NotOurStackError, match="prod-network"):
            prepared(cloudformation, "prod-network")
        assert cloudformation.list_change_sets(StackName="prod-network")["Summaries"] == []
        assert client_for("ec2").describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.0.0.0/16"]}])["Vpcs"]

    def test_our_tag_makes_it_ours(self, client_for: Callable[[str], Any]) -> None:
        cloudformation = client_for("cloudformation")
        cloudformation.create_stack(StackName="named", TemplateBody=NETWORK, Tags=[stack.OWNER_TAG])
        assert prepared(cloudformation, "named").kind == "UPDATE"

    def test_a_stack_made_by_hand_from_our_template_is_ours(self, client_for: Callable[[str], Any]) -> None:
        cloudformation = client_for("cloudformation")
        deploy(cloudformation)
        assert cloudformation.describe_stacks(StackName=NAME)["Stacks"][0]["Tags"] == []
        assert prepared(cloudformation, NAME).kind == "UPDATE"

    @pytest.mark.parametrize(
        "tags", [[], [{"Key": "project", "Value": "another"}], [{"Key": "owner", "Value": "migration-ops"}], None]
    )
    def test_only_the_very_tag_counts(self, tags: Any) -> None:
        client = Scripted(describe_stacks={"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Tags": tags}]})
        with pytest.raises(NotOurStackError):
            prepared(client, NAME)
        assert client.calls == ["describe_stacks"]

    def test_a_stack_that_lost_its_mark_after_the_question_is_left_alone(self) -> None:
        foreign = {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Tags": []}]}
        client = Scripted(describe_stacks=foreign, describe_change_set=answer())
        with pytest.raises(NotOurStackError):
            act_once(StackChange(client, UPDATE))
        assert client.calls == ["describe_stacks"]

    @pytest.mark.parametrize("status", ["CREATE_COMPLETE", "REVIEW_IN_PROGRESS"])
    def test_a_stack_with_a_service_role_is_not_borrowed(self, status: str) -> None:
        found = stacks(status)
        found["Stacks"][0]["RoleARN"] = "arn:aws:iam::111122223333:role/admin"
        client = Scripted(describe_stacks=found, describe_change_set=answer())
        with pytest.raises(BorrowedRoleError, match="role/admin"):
            prepared(client, NAME)
        with pytest.raises(BorrowedRoleError):
            act_once(StackChange(client, UPDATE))
        assert set(client.calls) == {"describe_stacks"}

    def test_an_empty_stack_with_somebody_elses_plans_is_not_deleted(self, client_for: Callable[[str], Any]) -> None:
        cloudformation = client_for("cloudformation")
        cloudformation.create_change_set(
            StackName=NAME, ChangeSetName="theirs", ChangeSetType="CREATE", TemplateBody=NETWORK
        )
        ours = ChangeSet(NAME, "arn:aws:cloudformation:x:1:changeSet/ours/1", "CREATE")
        client = _Recording(cloudformation)
        stack.discard(client, ours)
        assert "delete_stack" not in client.calls
        assert stack.stack_status(cloudformation, NAME) == "REVIEW_IN_PROGRESS"


class _Recording:
    """Passes calls on, but knows no change set of ours to delete."""

    def __init__(self, client: Any) -> None:
        self.client, self.calls = client, []
        self.exceptions = client.exceptions

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return (lambda **_: None) if name == "delete_change_set" else getattr(self.client, name)


def answer(*changes: dict[str, Any], execution: str = "AVAILABLE") -> dict[str, Any]:
    made = [{"ResourceChange": {"LogicalResourceId": "X", "ResourceType": "T", **one}} for one in changes]
    return {"Status": "CREATE_COMPLETE", "ExecutionStatus": execution, "Changes": made}


MODIFY = {"Action": "Modify", "Replacement": "False"}


class TestWhoIsAsked:
    @pytest.mark.parametrize("harmless", [{"Action": "Add"}, {"Action": "Import"}, MODIFY])
    def test_a_plain_change_asks_nobody(self, harmless: dict[str, Any]) -> None:
        client = Scripted(
            describe_stacks=stacks("CREATE_COMPLETE"), describe_change_set=answer(harmless), execute_change_set={}
        )
        act_once(StackChange(client, UPDATE)).require_sent()
        assert client.calls.count("execute_change_set") == 1

    @pytest.mark.parametrize(
        "harmful",
        [
            {"Action": "Remove"},
            {"Action": "Remove", "PolicyAction": "Retain"},
            {"Action": "Modify", "Replacement": "True"},
            {"Action": "Modify", "Replacement": "Conditional"},
            # What AWS does not say is not "no".
            {"Action": "Modify"},
            {"Action": "Dynamic"},
            {},
        ],
    )
    def test_what_may_remove_or_replace_is_not_executed_unasked(self, harmful: dict[str, Any]) -> None:
        client = Scripted(
            describe_stacks=stacks("CREATE_COMPLETE"),
            describe_change_set=answer({"LogicalResourceId": "Y", **MODIFY}, harmful),
            execute_change_set={},
            list_stack_resources={"StackResourceSummaries": []},
        )
        change = StackChange(client, UPDATE)
        with pytest.raises(NotApprovedError):
            act_once(change)
        with pytest.raises(PlanChangedError):
            act_once(change, Approval("of another change set", True, "ann"))
        assert "execute_change_set" not in client.calls
        act_once(change, Approval(change.plan().digest, True, "ann")).require_sent()
        assert client.calls.count("execute_change_set") == 1

    def test_the_digest_is_of_this_change_set(self) -> None:
        plans = [
            change_plan(one, Plan(changes))
            for one, changes in (
                (UPDATE, [{"action": "Remove", "resource": "a"}]),
                (UPDATE, [{"action": "Remove", "resource": "b"}]),
                (ChangeSet(NAME, "arn2", "UPDATE"), [{"action": "Remove", "resource": "a"}]),
                (ChangeSet("other", "arn", "UPDATE"), [{"action": "Remove", "resource": "a"}]),
            )
        ]
        assert len({one.digest for one in plans}) == 4

    def test_up_to_date_is_nothing_to_do_and_outputs_alone_are_something(self) -> None:
        assert change_plan(UPDATE, Plan(up_to_date=True)).actions == ()
        [action] = change_plan(UPDATE, Plan()).actions
        assert (action.resource, action.is_destructive) == (WHOLE_STACK, False)


class TestSentOnce:
    @pytest.mark.parametrize("execution", ["EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"])
    def test_a_change_set_on_its_way_is_not_sent_again(self, execution: str) -> None:
        client = Scripted(
            describe_stacks=stacks("UPDATE_IN_PROGRESS"),
            describe_change_set=answer({"Action": "Remove"}, execution=execution),
        )
        assert act_once(StackChange(client, UPDATE)).sent == ()

    def test_a_lost_answer_is_raised_and_the_next_try_reads_first(self) -> None:
        client = Scripted(
            describe_stacks=stacks("UPDATE_COMPLETE"),
            describe_change_set=[answer(MODIFY), answer(MODIFY, execution="EXECUTE_IN_PROGRESS")],
            execute_change_set=ReadTimeoutError(endpoint_url="https://x"),
        )
        acted = act_once(StackChange(client, UPDATE))
        with pytest.raises(OutcomeUnknownError):
            acted.require_sent()
        act_once(StackChange(client, UPDATE)).require_sent()
        assert client.calls.count("execute_change_set") == 1

    @pytest.mark.parametrize("gone", [refused("x", "ChangeSetNotFound"), answer(MODIFY, execution="OBSOLETE")])
    def test_a_change_set_that_the_world_overtook_is_refused(self, gone: Any) -> None:
        client = Scripted(describe_stacks=stacks("UPDATE_COMPLETE"), describe_change_set=gone)
        with pytest.raises(PlanChangedError):
            act_once(StackChange(client, UPDATE))
        assert "execute_change_set" not in client.calls


def resources(**statuses: str) -> dict[str, Any]:
    made = [
        {"LogicalResourceId": name, "ResourceStatus": status, "PhysicalResourceId": name.lower()}
        for name, status in statuses.items()
    ]
    return {"StackResourceSummaries": made}


def ended(listed: Any, *outputs: dict[str, str]) -> Scripted:
    done = {"Status": "X", "ExecutionStatus": "EXECUTE_COMPLETE"}
    return Scripted(
        describe_stacks=stacks("UPDATE_COMPLETE", *outputs), describe_change_set=done, list_stack_resources=listed
    )


ADD = Plan([{"action": "Add", "resource": "Table"}])
REMOVAL = Plan([{"action": "Remove", "resource": "Vpc"}])


class TestReadBack:
    def test_all_there_with_outputs_is_done(self) -> None:
        client = ended(resources(Table="CREATE_COMPLETE"), OUTPUT)
        assert verified_outputs(client, UPDATE, ADD) == {"TableName": "t"}

    @pytest.mark.parametrize("status", ["DELETE_COMPLETE", "DELETE_SKIPPED", None])
    def test_what_is_removed_is_gone(self, status: str | None) -> None:
        listed = resources(Vpc=status) if status else resources()
        assert verified_outputs(ended(listed, OUTPUT), UPDATE, REMOVAL)

    def test_a_complete_stack_without_outputs_is_red(self) -> None:
        with pytest.raises(ChangeNotMadeError, match="no outputs"):
            verified_outputs(ended(resources(Table="CREATE_COMPLETE")), UPDATE, ADD)

    @pytest.mark.parametrize(
        ("planned", "listed", "error"),
        [
            (ADD, resources(), ChangeNotMadeError),
            (ADD, resources(Table="UPDATE_ROLLBACK_COMPLETE"), ChangeNotMadeError),
            (ADD, resources(Table="DELETE_COMPLETE"), ChangeNotMadeError),
            (ADD, {"StackResourceSummaries": [{"LogicalResourceId": "Table", "ResourceStatus": "CREATE_COMPLETE"}]},
             ChangeNotMadeError),
            (ADD, resources(Table="CREATE_IN_PROGRESS"), ChangeUnknownError),
            (ADD, refused("ListStackResources"), ChangeUnknownError),
            (REMOVAL, resources(Vpc="CREATE_COMPLETE"), ChangeNotMadeError),
            (REMOVAL, resources(Vpc="DELETE_FAILED"), ChangeNotMadeError),
        ],
    )  # fmt: skip
    def test_a_complete_stack_that_lacks_something_is_red(
        self, planned: Plan, listed: Any, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            verified_outputs(ended(listed, OUTPUT), UPDATE, planned)

    def test_all_pages_are_read(self) -> None:
        pages = [resources(A="CREATE_COMPLETE") | {"NextToken": "n"}, resources(Table="CREATE_COMPLETE")]
        assert verified_outputs(ended(pages, OUTPUT), UPDATE, ADD)

    def test_moto_calls_our_stack_complete_and_lacks_its_policies(self, client_for: Callable[[str], Any]) -> None:
        cloudformation = client_for("cloudformation")
        change_set = prepared(cloudformation, NAME)
        result = carry_out(StackChange(cloudformation, change_set))
        lacking = {one.action.resource for one in result.outcomes if one.effect is Effect.NOT_DONE}
        assert {"EvidenceBucketPolicy", "HeartbeatAlarm"} <= lacking
        assert "LedgerTable" not in lacking
        assert stack.stack_status(cloudformation, NAME) == "CREATE_COMPLETE"


def test_a_refused_listing_is_a_package_error() -> None:
    with pytest.raises(AccessDeniedError):
        stack.resources_of(Scripted(list_stack_resources=refused("ListStackResources")), NAME)
    with pytest.raises(MigrationError):
        stack.require_ours(Scripted(describe_stacks=refused("DescribeStacks")), NAME)
