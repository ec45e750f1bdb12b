"""Ways by which a role gives itself more than it has: permissions that lead to every other permission.

The published methods (Rhino Security Labs, "AWS IAM Privilege Escalation Methods"; Bishop Fox; pathfinding.cloud), as
data. Only permissions on wide resources count (PassRole of one named role hands on what that role has, no more), and
of conditions those by which one delegates safely: PassedToService, PermissionsBoundary, CalledVia, resource tags.
"""

from __future__ import annotations

from dataclasses import dataclass

from migration_ops.runbook.audit.permissions import Permissions, covers
from migration_ops.runbook.policies import Statement

PASS_ROLE, ASSUME_ROLE = "iam:PassRole", "sts:AssumeRole"
# Operators that hold only for a request which has the key.
DEMANDING = frozenset(
    f"{of}{one}"
    for of in ("", "foranyvalue:")
    for one in ("stringequals", "stringlike", "stringequalsignorecase", "arnequals", "arnlike")
)
PASSED_TO = "iam:passedtoservice"
# Whoever is made or changed stays within the boundary that the condition names.
BOUNDARY = "iam:permissionsboundary"
# Only a service acts so, on the caller's behalf, as that service does.
CALLED_VIA = frozenset({"aws:calledvia", "aws:calledviafirst", "aws:calledvialast"})


@dataclass(frozen=True)
class Way:
    """
    :param actions: all of them are needed.
    :param passed_to: the service that gets the role, for ways by ``iam:PassRole``.
    """

    actions: tuple[str, ...]
    passed_to: str = ""

    @property
    def name(self) -> str:
        return " + ".join(self.actions)


def _by_passing(service: str, *actions: str) -> Way:
    return Way((PASS_ROLE, *actions), f"{service}.amazonaws.com")


# The account's own policies and credentials.
IDENTITY = tuple(
    Way((f"iam:{one}",))
    for one in (
        "CreatePolicyVersion",
        "SetDefaultPolicyVersion",
        "AttachUserPolicy",
        "AttachGroupPolicy",
        "AttachRolePolicy",
        "PutUserPolicy",
        "PutGroupPolicy",
        "PutRolePolicy",
        "AddUserToGroup",
        "UpdateAssumeRolePolicy",
        "CreateAccessKey",
        "CreateLoginProfile",
        "UpdateLoginProfile",
        "DeleteRolePermissionsBoundary",
        "DeleteUserPermissionsBoundary",
    )
)
# A new thing that runs with a stronger role.
PASSING = (
    _by_passing("ec2", "ec2:RunInstances"),
    _by_passing("ec2", "ec2:RequestSpotInstances"),
    _by_passing("ec2", "ec2:AssociateIamInstanceProfile"),
    _by_passing("ec2", "autoscaling:CreateLaunchConfiguration", "autoscaling:CreateAutoScalingGroup"),
    _by_passing("lambda", "lambda:CreateFunction", "lambda:InvokeFunction"),
    _by_passing("lambda", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"),
    _by_passing("lambda", "lambda:CreateFunction", "lambda:AddPermission"),
    _by_passing("lambda", "lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionCode"),
    _by_passing("states", "states:CreateStateMachine", "states:StartExecution"),
    _by_passing("cloudformation", "cloudformation:CreateStack"),
    _by_passing("cloudformation", "cloudformation:CreateStackSet", "cloudformation:CreateStackInstances"),
    _by_passing("codebuild", "codebuild:CreateProject", "codebuild:StartBuild"),
    _by_passing("datapipeline", "datapipeline:CreatePipeline", "datapipeline:PutPipelineDefinition"),
    _by_passing("ecs-tasks", "ecs:RegisterTaskDefinition", "ecs:RunTask"),
    _by_passing("ecs-tasks", "ecs:RegisterTaskDefinition", "ecs:CreateService"),
    _by_passing("glue", "glue:CreateDevEndpoint"),
    _by_passing("glue", "glue:CreateJob", "glue:StartJobRun"),
    _by_passing("sagemaker", "sagemaker:CreateNotebookInstance"),
    _by_passing("sagemaker", "sagemaker:CreateTrainingJob"),
    _by_passing("build.apprunner", "apprunner:CreateService"),
    _by_passing("ssm", "ssm:StartAutomationExecution"),
)
# A thing that is there already and runs with a stronger role.
BORROWING = tuple(
    Way(one)
    for one in (
        ("lambda:UpdateFunctionCode",),
        ("lambda:UpdateFunctionConfiguration",),
        ("ssm:SendCommand",),
        ("ssm:StartSession",),
        ("ecs:ExecuteCommand",),
        ("ec2-instance-connect:SendSSHPublicKey",),
        ("ec2:ModifyInstanceAttribute", "ec2:StopInstances", "ec2:StartInstances"),
        ("cloudformation:UpdateStack",),
        ("cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"),
        ("codebuild:UpdateProject", "codebuild:StartBuild"),
        ("glue:UpdateDevEndpoint",),
        ("glue:UpdateJob", "glue:StartJobRun"),
        ("sagemaker:CreatePresignedNotebookInstanceUrl",),
        ("states:UpdateStateMachine", "states:StartExecution"),
    )
)
WAYS = (*IDENTITY, *PASSING, *BORROWING)


def ways_open_to(permissions: Permissions) -> list[Way]:
    """Those of :data:`WAYS` whose actions are all allowed on wide resources."""
    return [way for way in WAYS if all(_is_open(permissions, action, way) for action in way.actions)]


def _is_open(permissions: Permissions, action: str, way: Way) -> bool:
    return any(not _is_safe(one, action, way) for one in permissions.widely_allows(action))


def _is_safe(statement: Statement, action: str, way: Way) -> bool:
    """Whether a condition keeps the statement from serving this way."""
    demanded = {one.key: one.values for one in statement.conditions if one.operator.lower() in DEMANDING}
    if action == PASS_ROLE and PASSED_TO in demanded:
        return not any(covers(value, way.passed_to) for value in demanded[PASSED_TO])
    if action.startswith("iam:") and BOUNDARY in demanded:
        return True
    return any(key in CALLED_VIA or "resourcetag/" in key for key, values in demanded.items() if "*" not in values)
