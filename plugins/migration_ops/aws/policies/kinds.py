"""Resource types of actions, and which actions change something (Service Authorization Reference). Pure."""

from __future__ import annotations

# Random names: a pattern that matches one matches any name.
NAMELESS = ("Kq7Zx3vW9pLm", "Kq7Zx3vW/pLm9Rt2Jd")
# What comes before the name in ARNs, for the services in the escalation recipes.
TYPES = {
    "iam": ("role/", "user/", "group/", "policy/", "instance-profile/", "saml-provider/", "oidc-provider/"),
    "lambda": ("function:", "layer:", "event-source-mapping:"),
}
# Resource types of the actions in the recipes: service, and what precedes the name.
OF_ROLES = ("iam", "role/")
KINDS = {
    "iam:passrole": OF_ROLES,
    "sts:assumerole": OF_ROLES,
    "iam:updateassumerolepolicy": OF_ROLES,
    "iam:addusertogroup": ("iam", "group/"),
    "iam:updatesamlprovider": ("iam", "saml-provider/"),
    "ssm:sendcommand": ("ec2", "instance/i-0"),
    "ssm:startsession": ("ec2", "instance/i-0"),
    "ssm:createassociation": ("ec2", "instance/i-0"),
    "ec2-instance-connect:sendsshpublickey": ("ec2", "instance/i-0"),
    "ecs:executecommand": ("ecs", "task/"),
    "cloudformation:updatestack": ("cloudformation", "stack/"),
    "cloudformation:createchangeset": ("cloudformation", "stack/"),
    "cloudformation:executechangeset": ("cloudformation", "stack/"),
    "codebuild:updateproject": ("codebuild", "project/"),
    "codebuild:startbuild": ("codebuild", "project/"),
    "codebuild:startbuildbatch": ("codebuild", "project/"),
    "apprunner:updateservice": ("apprunner", "service/"),
    "batch:submitjob": ("batch", "job-definition/"),
    "glue:updatejob": ("glue", "job/"),
    "glue:startjobrun": ("glue", "job/"),
    "glue:updatedevendpoint": ("glue", "devEndpoint/"),
    "states:updatestatemachine": ("states", "stateMachine:"),
    "states:startexecution": ("states", "stateMachine:"),
    "sagemaker:createpresignednotebookinstanceurl": ("sagemaker", "notebook-instance/"),
    "sagemaker:updatenotebookinstance": ("sagemaker", "notebook-instance/"),
    "sagemaker:stopnotebookinstance": ("sagemaker", "notebook-instance/"),
    "sagemaker:startnotebookinstance": ("sagemaker", "notebook-instance/"),
    "sagemaker:createnotebookinstancelifecycleconfig": ("sagemaker", "notebook-instance-lifecycle-config/"),
}
BY_SERVICE = {"lambda": "function:", "ec2": "instance/i-0"}
BY_NAME = ("policy", "user", "group", "role")
# What sets tags on resources of a service or type; elsewhere it is TagResource.
TAGGING = {
    "role/": "iam:TagRole",
    "user/": "iam:TagUser",
    "policy/": "iam:TagPolicy",
    "saml-provider/": "iam:TagSAMLProvider",
    "instance/i-0": "ec2:CreateTags",
    "notebook-instance/": "sagemaker:AddTags",
}


def resources_like(action: str, account: str, partition: str) -> list[str]:
    """ARNs with random names, of the action's resource type: who may act on them may act on all of the type."""
    service, prefix = _kind(action)
    region = "" if service == "iam" else "*"
    # Roles of other accounts may be assumed, too.
    accounts = (account, "*") if action.lower() == "sts:assumerole" else (account,)
    return [f"arn:{partition}:{service}:{region}:{one}:{prefix}{name}" for one in accounts for name in NAMELESS]


def tagging(action: str) -> str:
    """The action that sets tags on the resources of an action."""
    service, prefix = _kind(action)
    return TAGGING.get(prefix, f"{service}:TagResource")


def _kind(action: str) -> tuple[str, str]:
    service, _, name = action.lower().partition(":")
    if action.lower() in KINDS:
        return KINDS[action.lower()]
    if service == "iam":
        return "iam", next((f"{one}/" for one in _names_in(name) if one in BY_NAME), "role/")
    return service, BY_SERVICE.get(service, "")


def _names_in(verb: str) -> list[str]:
    """The resource types in the name of an IAM action: AttachRolePolicy a role, CreatePolicyVersion a policy."""
    if any(one in verb for one in ("accesskey", "loginprofile", "servicespecific", "signingcertificate")):
        return ["user"]
    return [one for one in ("user", "group", "role", "policy") if one in verb]


# Actions whose names begin with these change no resource that can be named. AssumeRole has its own check.
READING = (
    "AssumeRole",
    "BatchGet",
    "Check",
    "Count",
    "Decrypt",
    "Describe",
    "Estimate",
    "Filter",
    "Find",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Preview",
    "Query",
    "Scan",
    "Search",
    "Select",
    "Simulate",
    "StartQuery",
    "StopQuery",
    "Test",
    "Validate",
    "Verify",
    "View",
)
# Actions that AWS allows only on "*" (Service Authorization Reference), or that create something without a name.
WITHOUT_RESOURCE = (
    "cloudwatch:PutMetricData",
    "ec2messages:*",
    "kms:CreateKey",
    "kms:GenerateRandom",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:UpdateLogDelivery",
    "mgn:BatchDeleteSnapshotRequestForMgn",
    "mgn:InitializeService",
    "ssm:CancelCommand",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:*",
    "sts:DecodeAuthorizationMessage",
    "tag:TagResources",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
