"""Known recipes by which a role gives itself more permissions (privilege escalation), as data.

Sources: Rhino Security Labs, "AWS IAM Privilege Escalation Methods" (2018, and its list of 28); Bishop Fox, "IAM
Vulnerable"; pathfinding.cloud (Datadog), which names each combination of PassRole; AWS's API references for overrides
(RunTask ``overrides.taskRoleArn``, StartBuild ``buildspecOverride``).
"""

from __future__ import annotations

from dataclasses import dataclass

PASS_ROLE, ASSUME_ROLE = "iam:PassRole", "sts:AssumeRole"


@dataclass(frozen=True)
class Way:
    """
    One recipe.

    :param actions: all of them are needed.
    :param passed_to: the service that gets the role, for recipes with ``iam:PassRole``.
    :param on_itself: also works on the role's own: ``role`` (the role itself) or ``policy`` (a policy it has).
    """

    actions: tuple[str, ...]
    passed_to: str = ""
    on_itself: str = ""

    @property
    def name(self) -> str:
        return " + ".join(self.actions)


def _by_passing(service: str, *actions: str) -> Way:
    return Way((PASS_ROLE, *actions), f"{service}.amazonaws.com")


# Change the role's own policies: permission on the role itself, or on one of its customer managed policies, is enough.
ON_ITSELF = (
    Way(("iam:CreatePolicyVersion",), on_itself="policy"),
    Way(("iam:SetDefaultPolicyVersion",), on_itself="policy"),
    Way(("iam:AttachRolePolicy",), on_itself="role"),
    Way(("iam:PutRolePolicy",), on_itself="role"),
    # Whoever is added to the trust policy keeps access to the role, even if its first user loses it.
    Way(("iam:UpdateAssumeRolePolicy",), on_itself="role"),
)
# Change the policies and credentials of others.
IDENTITY = tuple(
    Way((f"iam:{one}",))
    for one in (
        "AttachUserPolicy",
        "AttachGroupPolicy",
        "PutUserPolicy",
        "PutGroupPolicy",
        "AddUserToGroup",
        "CreateAccessKey",
        "CreateLoginProfile",
        "CreateServiceSpecificCredential",
        "ResetServiceSpecificCredential",
        "UploadSigningCertificate",
        "UpdateLoginProfile",
        "DeleteRolePermissionsBoundary",
        "DeleteUserPermissionsBoundary",
        "PutRolePermissionsBoundary",
        "PutUserPermissionsBoundary",
        "UpdateSAMLProvider",
    )
)
# Create something that runs with a stronger role.
PASSING = (
    _by_passing("ec2", "ec2:RunInstances"),
    _by_passing("ec2", "ec2:RequestSpotInstances"),
    _by_passing("ec2", "ec2:AssociateIamInstanceProfile"),
    _by_passing("ec2", "ec2:ReplaceIamInstanceProfileAssociation"),
    _by_passing("ec2", "ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate"),
    _by_passing("ec2", "autoscaling:CreateLaunchConfiguration", "autoscaling:CreateAutoScalingGroup"),
    _by_passing("lambda", "lambda:CreateFunction", "lambda:InvokeFunction"),
    _by_passing("lambda", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"),
    _by_passing("lambda", "lambda:CreateFunction", "lambda:AddPermission"),
    _by_passing("lambda", "lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionCode"),
    _by_passing("states", "states:CreateStateMachine", "states:StartExecution"),
    _by_passing("states", "states:UpdateStateMachine", "states:StartExecution"),
    # EventBridge Scheduler can call any API with the role.
    _by_passing("scheduler", "scheduler:CreateSchedule"),
    _by_passing("scheduler", "scheduler:UpdateSchedule"),
    _by_passing("cloudformation", "cloudformation:CreateStack"),
    _by_passing("cloudformation", "cloudformation:UpdateStack"),
    _by_passing("cloudformation", "cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"),
    _by_passing("cloudformation", "cloudformation:CreateStackSet", "cloudformation:CreateStackInstances"),
    _by_passing("cloudformation", "cloudformation:UpdateStackSet"),
    _by_passing("codebuild", "codebuild:CreateProject", "codebuild:StartBuild"),
    _by_passing("codebuild", "codebuild:CreateProject", "codebuild:StartBuildBatch"),
    _by_passing("datapipeline", "datapipeline:CreatePipeline", "datapipeline:PutPipelineDefinition"),
    # overrides.taskRoleArn with the caller's command: no own task definition is needed.
    _by_passing("ecs-tasks", "ecs:RunTask"),
    _by_passing("ecs-tasks", "ecs:StartTask"),
    _by_passing("ecs-tasks", "ecs:RegisterTaskDefinition", "ecs:RunTask"),
    _by_passing("ecs-tasks", "ecs:RegisterTaskDefinition", "ecs:UpdateService"),
    _by_passing("ecs-tasks", "batch:RegisterJobDefinition", "batch:SubmitJob"),
    _by_passing("ecs-tasks", "ecs:RegisterTaskDefinition", "ecs:CreateService"),
    _by_passing("glue", "glue:CreateDevEndpoint"),
    _by_passing("glue", "glue:CreateJob", "glue:StartJobRun"),
    _by_passing("glue", "glue:UpdateJob", "glue:StartJobRun"),
    _by_passing("glue", "glue:CreateSession", "glue:RunStatement"),
    _by_passing("elasticmapreduce", "elasticmapreduce:RunJobFlow"),
    _by_passing("sagemaker", "sagemaker:CreateNotebookInstance"),
    _by_passing("sagemaker", "sagemaker:CreateTrainingJob"),
    _by_passing("sagemaker", "sagemaker:CreateProcessingJob"),
    _by_passing(
        "bedrock-agentcore", "bedrock-agentcore:CreateCodeInterpreter", "bedrock-agentcore:InvokeCodeInterpreter"
    ),
    _by_passing("build.apprunner", "apprunner:CreateService"),
    _by_passing("ssm", "ssm:StartAutomationExecution"),
    _by_passing("amplify", "amplify:CreateApp", "amplify:CreateBranch", "amplify:StartJob"),
    _by_passing("braket", "braket:CreateJob"),
    # Anybody gets the credentials of the role that a pool gives to its guests.
    _by_passing("cognito-identity", "cognito-identity:SetIdentityPoolRoles"),
    _by_passing("emr-serverless", "emr-serverless:StartJobRun"),
    _by_passing("airflow", "airflow:CreateEnvironment"),
    # Both send what the caller writes to any target that the role may call: an SSM command, a task of ECS.
    _by_passing("events", "events:PutTargets"),
    _by_passing("pipes", "pipes:CreatePipe"),
)
# Use something that exists and runs with a stronger role.
BORROWING = tuple(
    Way(one)
    for one in (
        ("lambda:UpdateFunctionCode",),
        ("lambda:UpdateFunctionConfiguration",),
        ("ssm:SendCommand",),
        ("ssm:StartSession",),
        # State Manager runs a document on servers, as SendCommand does.
        ("ssm:CreateAssociation",),
        ("apprunner:UpdateService",),
        # containerOverrides.command: the job's role runs the caller's command.
        ("batch:SubmitJob",),
        ("ecs:ExecuteCommand",),
        ("ec2-instance-connect:SendSSHPublicKey",),
        ("ec2:ModifyInstanceAttribute", "ec2:StopInstances", "ec2:StartInstances"),
        ("cloudformation:UpdateStack",),
        ("cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"),
        ("codebuild:UpdateProject", "codebuild:StartBuild"),
        # buildspecOverride: the project's role runs the caller's commands.
        ("codebuild:StartBuild",),
        ("codebuild:StartBuildBatch",),
        ("glue:UpdateDevEndpoint",),
        ("glue:UpdateJob", "glue:StartJobRun"),
        ("sagemaker:CreatePresignedNotebookInstanceUrl",),
        (
            "sagemaker:CreateNotebookInstanceLifecycleConfig",
            "sagemaker:StopNotebookInstance",
            "sagemaker:UpdateNotebookInstance",
            "sagemaker:StartNotebookInstance",
        ),
        ("states:UpdateStateMachine", "states:StartExecution"),
    )
)
WAYS = (*ON_ITSELF, *IDENTITY, *PASSING, *BORROWING)
