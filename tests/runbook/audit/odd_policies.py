"""Odd but valid policies with the truth about each, besides ``hard_policies``: strangers, GovCloud, own tags."""

from __future__ import annotations

from typing import Any

from tests.runbook.audit.hard_policies import (
    BOUNDARY,
    GITHUB,
    OIDC,
    ORG,
    OTHER,
    OWN,
    POOL,
    ROLE,
    SELF_WRITE,
    Case,
    allow,
    deny,
    lets,
    passing,
    role,
    shuts,
    subject,
    trusts,
    web,
)

COGNITO = "cognito-identity.amazonaws.com"


def pool(host: str = COGNITO, **amr: Any) -> list[dict[str, Any]]:
    """A role for the users of our identity pool."""
    return web(host, StringEquals={f"{host}:aud": POOL}, **amr)


def signed_in(value: str, operator: str = "ForAnyValue:StringLike", host: str = COGNITO) -> dict[str, Any]:
    return {operator: {f"{host}:amr": value}}


def denied(**members: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": "sts:*", **members}


# Truth: may somebody from outside take the role on?
TRUSTS: list[Case] = [
    ("everybody of a stranger's account", True, trusts("*", StringEquals={"aws:PrincipalAccount": OTHER})),
    ("everybody of our account", False, trusts("*", StringEquals={"aws:PrincipalAccount": OWN})),
    ("everybody of ours and of a stranger's", True, trusts("*", StringEquals={"aws:PrincipalAccount": [OWN, OTHER]})),
    (
        "a stranger's role, by condition",
        True,
        trusts("*", ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/x"}),
    ),
    ("a stranger's unique id", True, trusts("*", StringEquals={"aws:userid": OTHER})),
    (
        "a stranger's account, with an external id",
        False,
        trusts("*", StringEquals={"aws:PrincipalAccount": OTHER, "sts:ExternalId": "f3b1"}),
    ),
    (
        "a stranger's account, of our organization",
        False,
        trusts("*", StringEquals={"aws:PrincipalAccount": OTHER, "aws:PrincipalOrgID": "o-a1b2c3d4e5"}),
    ),
    ("a stranger, bound to itself", True, trusts({"AWS": OTHER}, StringEquals={"aws:PrincipalAccount": OTHER})),
    (
        "a stranger, bound to one of its roles",
        True,
        trusts({"AWS": OTHER}, ArnEquals={"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/x"}),
    ),
    ("a stranger in GovCloud", True, trusts({"AWS": f"arn:aws-us-gov:iam::{OTHER}:root"})),
    ("our account in GovCloud", False, trusts({"AWS": f"arn:aws-us-gov:iam::{OWN}:root"})),
    (
        "everybody, denied to all but a stranger",
        True,
        [*trusts("*"), denied(NotPrincipal={"AWS": f"arn:aws:iam::{OTHER}:root"})],
    ),
    (
        "everybody, denied to all but us",
        False,
        [*trusts("*"), denied(NotPrincipal={"AWS": [f"arn:aws:iam::{OWN}:root", f"arn:aws:iam::{OWN}:role/x"]})],
    ),
    (
        "everybody, denied outside a stranger's account",
        True,
        [*trusts("*"), denied(Principal="*", Condition={"StringNotEquals": {"aws:PrincipalAccount": OTHER}})],
    ),
    (
        "everybody, denied outside our account",
        False,
        [*trusts("*"), denied(Principal="*", Condition={"StringNotEquals": {"aws:PrincipalAccount": OWN}})],
    ),
    # A repository's owner may choose which claims its subjects have: everybody can have these.
    ("GitHub, a branch as subject", True, web(f"{OIDC}{GITHUB}", **subject("ref:refs/heads/main", "StringEquals"))),
    ("GitHub, an environment as subject", True, web(f"{OIDC}{GITHUB}", **subject("environment:prod:*"))),
    ("GitHub, an actor as subject", True, web(f"{OIDC}{GITHUB}", **subject("actor:somebody", "StringEquals"))),
    (
        "GitHub, environment and owner as subject",
        False,
        web(f"{OIDC}{GITHUB}", **subject("environment:prod:repository_owner:ours", "StringEquals")),
    ),
    ("GitHub, our owner's id as subject", False, web(f"{OIDC}{GITHUB}", **subject("repository_owner_id:1234:*"))),
    ("GitHub, a workflow of ours as subject", False, web(f"{OIDC}{GITHUB}", **subject("job_workflow_ref:ours/ci/*"))),
    ("GitHub, a letter of the owner open", True, web(f"{OIDC}{GITHUB}", **subject("repo:our?/*"))),
    ("GitHub, all but an owner", True, web(f"{OIDC}{GITHUB}", **subject("repo:evil/*", "StringNotLike"))),
    ("Cognito, guests too, as nothing says otherwise", True, pool()),
    ("Cognito, any way of signing in", True, pool(**signed_in("*"))),
    ("Cognito, a wildcard before the word", True, pool(**signed_in("*authenticated"))),
    ("Cognito, whoever signed in", False, pool(**signed_in("authenticated", "ForAnyValue:StringEquals"))),
    ("Cognito, no value for sure", True, pool(**signed_in("authenticated", "ForAllValues:StringLike"))),
    (
        "Cognito in GovCloud, our pool",
        False,
        pool(
            "cognito-identity-us-gov.amazonaws.com",
            **signed_in("authenticated", host="cognito-identity-us-gov.amazonaws.com"),
        ),
    ),
    ("Cognito in GovCloud, any pool", True, web("cognito-identity-us-gov.amazonaws.com")),
]

TEAM_B = {"StringEquals": {"aws:ResourceTag/team": "b"}}
ADMIN = "iam::aws:policy/AdministratorAccess"
# What a NotAction leaves out so that nothing but IAM could be used.
ALL_BUT_IAM = [f"{one}*" for one in ("a", "b", "c", "d", "e", "g", "l", "s")]


def by_policy(arn: str, operator: str = "ArnEquals") -> dict[str, Any]:
    return role(allow("iam:AttachRolePolicy", **{operator: {"iam:PolicyARN": arn}}))


# Truth: can the role give itself more than it has?
ESCALATIONS: list[Case] = [
    ("documents on every server, by association", True, role(allow("ssm:CreateAssociation"))),
    (
        "an association on one server",
        False,
        role(allow("ssm:CreateAssociation", f"arn:aws:ec2:us-east-1:{OWN}:instance/i-0123456789abcdef0")),
    ),
    ("a batch of builds with the caller's commands", True, role(allow("codebuild:StartBuildBatch"))),
    (
        "PassRole and a project's batch of builds",
        True,
        passing("codebuild:CreateProject", "codebuild:StartBuildBatch"),
    ),
    ("PassRole and a stack set that is there", True, passing("cloudformation:UpdateStackSet")),
    ("a service of App Runner that is there", True, role(allow("apprunner:UpdateService"))),
    ("PassRole and a pipe", True, passing("pipes:CreatePipe")),
    ("PassRole and targets of a rule", True, passing("events:PutTargets")),
    ("PassRole and EMR Serverless", True, passing("emr-serverless:StartJobRun")),
    ("PassRole and Airflow's own environment", True, passing("airflow:CreateEnvironment")),
    ("PassRole and the roles of an identity pool", True, passing("cognito-identity:SetIdentityPoolRoles")),
    (
        "the start script of every notebook",
        True,
        role(allow(["sagemaker:*NotebookInstance", "sagemaker:*NotebookInstanceLifecycleConfig"])),
    ),
    ("a job of Batch with the caller's command", True, role(allow("batch:SubmitJob"))),
    ("a new password of a service for every user", True, role(allow("iam:ResetServiceSpecificCredential"))),
    ("a certificate for every user", True, role(allow("iam:UploadSigningCertificate"))),
    ("tags that it may give itself", True, role(allow("iam:PutRolePolicy", **TEAM_B), allow("iam:TagRole", ROLE))),
    ("tags that it may give everybody", True, role(allow("iam:PutRolePolicy", **TEAM_B), allow("iam:TagRole"))),
    (
        "tags that it may give another",
        False,
        role(allow("iam:PutRolePolicy", **TEAM_B), allow("iam:TagRole", f"{ROLE}-2")),
    ),
    (
        "tags that it may give itself but for the one",
        False,
        role(
            allow("iam:PutRolePolicy", **TEAM_B),
            allow("iam:TagRole", ROLE),
            deny("iam:TagRole", ROLE),
        ),
    ),
    (
        "its own tag in another case",
        True,
        role(allow("iam:PutRolePolicy", StringEqualsIgnoreCase={"aws:ResourceTag/team": "A"}), tags={"team": "a"}),
    ),
    (
        "only for another role's sessions",
        False,
        role(allow("iam:PutRolePolicy", ArnEquals={"aws:PrincipalArn": f"{ROLE}-2"})),
    ),
    ("only for its own sessions", True, role(allow("iam:PutRolePolicy", ArnEquals={"aws:PrincipalArn": ROLE}))),
    (
        "only for callers with a tag that it lacks",
        True,
        role(allow("iam:PutRolePolicy", StringEquals={"aws:PrincipalTag/team": "x"})),
    ),
    ("AdministratorAccess of China", True, by_policy(f"arn:aws-cn:{ADMIN}")),
    ("AdministratorAccess of any partition", True, by_policy(f"arn:*:{ADMIN}", "ArnLike")),
    ("all but AdministratorAccess", True, by_policy(f"arn:aws:{ADMIN}", "ArnNotEquals")),
    ("a policy that passes roles to functions", True, by_policy("arn:aws:iam::aws:policy/AWSLambda_FullAccess")),
    (
        "a service's name in China",
        True,
        passing("ec2:RunInstances", StringEquals={"iam:PassedToService": "ec2.amazonaws.com.cn"}),
    ),
    (
        "another service's name in China",
        False,
        passing("ec2:RunInstances", StringEquals={"iam:PassedToService": "ecs-tasks.amazonaws.com.cn"}),
    ),
    (
        "passed to all but a service",
        True,
        passing("ecs:RunTask", StringNotEquals={"iam:PassedToService": "lambda.amazonaws.com"}),
    ),
    ("a star that is meant as such", False, role(allow("iam:PutRolePolicy", f"arn:aws:iam::{OWN}:role/${{*}}"))),
    (
        "its name in a literal question mark",
        False,
        role(allow("iam:PutRolePolicy", f"arn:aws:iam::{OWN}:role/deplo${{?}}")),
    ),
    (
        "a deny that it may delete, beside a NotAction",
        True,
        role(
            {"Effect": "Allow", "NotAction": ALL_BUT_IAM, "Resource": ROLE},
            deny(["iam:A*", "iam:C*", "iam:P*", "iam:S*", "iam:U*"]),
        ),
    ),
    (
        "a deny by NotAction that leaves the one",
        True,
        role(SELF_WRITE, {"Effect": "Deny", "NotAction": "iam:PutRolePolicy", "Resource": "*"}),
    ),
    (
        "a deny by NotAction of all else",
        False,
        role(SELF_WRITE, {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}),
    ),
    (
        "a deny with a variable",
        True,
        role(SELF_WRITE, deny("iam:*", f"arn:aws:iam::{OWN}:role/${{aws:PrincipalTag/x}}")),
    ),
    ("every service's action of that name", True, role(allow("*:PutRolePolicy"))),
    ("a pattern without a colon", True, role(allow("*RolePolicy"))),
    ("any service's ARN of its name", True, role(allow("iam:PutRolePolicy", f"arn:aws:*::{OWN}:role/deploy"))),
    ("its name after a star", True, role(allow("iam:PutRolePolicy", "*deploy"))),
    ("China's role of its name", False, role(allow("iam:PutRolePolicy", f"arn:aws-cn:iam::{OWN}:role/deploy"))),
    ("a role below a path", False, role(allow("iam:PutRolePolicy", f"arn:aws:iam::{OWN}:role/app/deploy"))),
    (
        "a boundary whose deny has a condition",
        True,
        role(SELF_WRITE, boundary=[allow("*"), deny("iam:*", StringNotEquals={"iam:PermissionsBoundary": BOUNDARY})]),
    ),
    ("a boundary for another role only", False, role(SELF_WRITE, boundary=[allow("iam:PutRolePolicy", f"{ROLE}-2")])),
]

# Truth: does it let in everybody?
RESOURCES: list[Case] = [
    (
        "an account that the caller names",
        True,
        lets({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:${aws:PrincipalAccount}:*"}}),
    ),
    ("an account with one digit open", True, lets({"ArnLike": {"aws:SourceArn": f"arn:aws:sns:*:{OWN[:-1]}?:*"}})),
    ("our topics in any partition", False, lets({"ArnLike": {"aws:SourceArn": f"arn:*:sns:*:{OWN}:*"}})),
    ("a bucket's name by prefix", True, lets({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::ours*"}})),
    ("nobody's account", True, lets({"StringEquals": {"aws:SourceAccount": ""}})),
    ("ours, or any", True, lets({"StringLike": {"aws:SourceAccount": [OWN, "*"]}})),
    ("no address at all", True, lets({"IpAddress": {"aws:SourceIp": []}})),
    ("an address as text", True, lets({"StringEquals": {"aws:SourceIp": "203.0.113.77"}})),
    ("an address with host bits", False, lets({"IpAddress": {"aws:SourceIp": "203.0.113.77/24"}})),
    ("carriers' shared addresses", True, lets({"IpAddress": {"aws:SourceIp": "100.64.0.0/10"}})),
    ("every VPC", True, lets({"StringLike": {"aws:SourceVpc": "vpc-*"}})),
    ("the resource's account", True, lets({"StringEquals": {"aws:ResourceAccount": OWN}})),
    ("by way of a service", True, lets({"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}})),
    (
        "our callers by way of a service",
        False,
        lets({"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com", "kms:CallerAccount": OWN}}),
    ),
    ("a subscriber's address", True, lets({"StringLike": {"sns:Endpoint": "*@ours.example"}})),
    ("a URL without sign-in", True, lets({"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}})),
    ("services, as a boolean", False, lets({"Bool": {"aws:PrincipalIsAWSService": True}})),
    ("all but services", True, lets({"Bool": {"aws:PrincipalIsAWSService": "false"}})),
    ("every account's root", True, lets(principal={"AWS": "arn:aws:iam::*:root"})),
    ("every account's sessions", True, lets(principal={"AWS": "arn:aws:sts::*:assumed-role/x/y"})),
    ("every service", True, lets(principal={"Service": "*"})),
    ("a bucket owner by canonical id", False, lets(principal={"CanonicalUser": "79a59df900b949e5"})),
    (
        "CloudFront's identity",
        False,
        lets(principal={"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}),
    ),
    ("a single statement", True, lets()[0]),
    (
        "denied to all but everybody",
        True,
        lets(None, {"Effect": "Deny", "NotPrincipal": {"AWS": "*"}, "Action": "s3:*", "Resource": "*"}),
    ),
    (
        "denied outside our units, each value",
        False,
        lets(None, shuts({"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": "o-abc/*"}})),
    ),
    (
        "denied outside our units, one value",
        True,
        lets(None, shuts({"ForAnyValue:StringNotLike": {"aws:PrincipalOrgPaths": "o-abc/*"}})),
    ),
    ("denied to whoever has no organization", True, lets(None, shuts({"Null": {"aws:PrincipalOrgID": "true"}}))),
    ("denied below a prefix only", True, lets(None, shuts({"StringNotEquals": ORG}, Resource="arn:aws:s3:::b/x/*"))),
    (
        "denied for all but the action",
        True,
        lets(
            None,
            {
                "Effect": "Deny",
                "Principal": "*",
                "NotAction": "s3:GetObject",
                "Resource": "*",
                "Condition": {"StringNotEquals": ORG},
            },
        ),
    ),
    ("denied to another account only", True, lets(None, shuts({"StringNotEquals": ORG}, Principal={"AWS": OTHER}))),
    ("denied by a pattern with a question mark", False, lets(None, shuts({"StringNotEquals": ORG}, "s3:Get?bject"))),
]
