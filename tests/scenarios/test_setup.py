"""``migration_setup`` on stacks that hold something which our template does not know: somebody else's, and our own."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from include.local import resources
from migration_ops.aws.stack import OWNER_TAG
from tests.scenarios.lab import Lab
from tests.scenarios.stories import story

OURS, THEIRS = "story-setup", "prod-network"
EXTRA = {"Extra": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "story-extra"}}}
VPC = {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.77.0.0/16"}}}


def there(lab: Lab, stack: str) -> dict[str, Any]:
    """The stack's resources and the change sets that wait, as AWS shows them."""
    client = resources.client("cloudformation", lab.airflow.stack.endpoints)
    listed = client.list_stack_resources(StackName=stack)["StackResourceSummaries"]
    waiting = [one for one in client.list_change_sets(StackName=stack)["Summaries"] if one["StackName"] == stack]
    return {"resources": {one["LogicalResourceId"] for one in listed}, "changeSets": waiting}


@story
def asked(lab: Lab) -> SimpleNamespace:
    client = resources.client("cloudformation", lab.airflow.stack.endpoints)
    client.create_stack(StackName=OURS, TemplateBody=json.dumps({"Resources": EXTRA}), Tags=[OWNER_TAG])
    client.create_stack(StackName=THEIRS, TemplateBody=json.dumps({"Resources": VPC}))
    foreign = lab.start("migration_setup", {"stackName": THEIRS, "dryRun": False})
    run = lab.start("migration_setup", {"stackName": OURS, "dryRun": False})
    question = lab.answer(run, "approve", "Reject", comment="that queue is in use")
    return SimpleNamespace(
        foreign=foreign, foreign_state=lab.end(foreign), run=run, question=question, state=lab.end(run)
    )


def test_somebody_elses_stack_is_refused_and_stays(asked: SimpleNamespace, lab: Lab) -> None:
    assert asked.foreign_state == "failed"
    assert lab.states(asked.foreign)["prepare"] == "failed"
    assert "STACK_NOT_OURS" in lab.note(asked.foreign)
    assert there(lab, THEIRS) == {"resources": {"Vpc"}, "changeSets": []}


def test_a_removal_is_asked_for_and_after_a_rejection_nothing_changed(asked: SimpleNamespace, lab: Lab) -> None:
    assert "`Extra`" in asked.question["body"]
    assert asked.state == "failed"
    states = lab.states(asked.run)
    assert (states["approve"], states["apply"], states["outputs"]) == ("success", "failed", "upstream_failed")
    assert "that queue is in use" in lab.note(asked.run)
    assert there(lab, OURS) == {"resources": {"Extra"}, "changeSets": []}
