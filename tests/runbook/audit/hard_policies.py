"""Hard policies with the truth about each, as AWS would decide: what a role reaches, who takes it on, who is let in.

``True`` is open: somebody of the named kind could use it. From AWS's documents, not from what the engine says.
"""

from __future__ import annotations

from typing import Any

OWN, OTHER = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{OWN}:role/deploy"
POLICY = f"arn:aws:iam::{OWN}:policy/deploy"
BOUNDARY = f"arn:aws:iam::{OWN}:policy/limit"
GITHUB = "token.actions.githubusercontent.com"
OIDC = f"arn:aws:iam::{OWN}:oidc-provider/"
TLS = {"Bool": {"aws:SecureTransport": "true"}}
Case = tuple[str, bool, Any]


def allow(action: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    made = {"Effect": "Allow", "Action": action, "Resource": resource}
    return made | ({"Condition": condition} if condition else {})


def deny(action: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return allow(action, resource, **condition) | {"Effect": "Deny"}


def outside(statement: dict[str, Any], *resources: str) -> dict[str, Any]:
    return {name: value for name, value in statement.items() if name != "Resource"} | {"NotResource": list(resources)}


def role(*inline: dict[str, Any], attached: Any = (), boundary: Any = (), tags: Any = None) -> dict[str, Any]:
    """``attached`` are statements of the customer managed policy that it has; ``boundary`` those of its boundary."""
    return {"inline": list(inline), "attached": list(attached), "boundary": list(boundary), "tags": tags or {}}


def passing(*actions: str, resource: str = "*", **condition: Any) -> dict[str, Any]:
    return role(allow("iam:PassRole", resource, **condition), allow(list(actions)))


SELF_WRITE = allow("iam:PutRolePolicy", ROLE)
READS = allow("s3:GetObject", "arn:aws:s3:::b/*")
PARTY = {"iam:PermissionsBoundary": BOUNDARY}

# Truth: can the role give itself more than it has?
ESCALATIONS: list[Case] = [
    ("PutRolePolicy on itself", True, role(SELF_WRITE)),
    ("AttachRolePolicy on itself", True, role(allow("iam:AttachRolePolicy", ROLE))),
    ("a prefix that covers itself", True, role(allow("iam:PutRolePolicy", f"arn:aws:iam::{OWN}:role/dep*"))),
    ("a prefix that does not", False, role(allow("iam:PutRolePolicy", f"arn:aws:iam::{OWN}:role/app-*"))),
    ("question marks that fit", True, role(allow("iam:PutRolePolicy", f"arn:aws:iam::{OWN}:role/??????"))),
    ("question marks that do not", False, role(allow("iam:PutRolePolicy", f"arn:aws:iam::{OWN}:role/?????"))),
    ("another case of its name", False, role(allow("iam:PutRolePolicy", f"arn:aws:iam::{OWN}:role/Deploy"))),
    ("the action in another case", True, role(allow("IAM:putrolepolicy", ROLE))),
    ("any account's role of its name", True, role(allow("iam:PutRolePolicy", "arn:aws:iam::*:role/deploy"))),
    ("the role of another account", False, role(allow("iam:PutRolePolicy", f"arn:aws:iam::{OTHER}:role/*"))),
    ("itself as variable", True, role(allow("iam:PutRolePolicy", "${aws:PrincipalArn}"))),
    (
        "a user by name of a role that has none",
        False,
        role(allow("iam:PutUserPolicy", "arn:aws:iam::*:user/${aws:username}")),
    ),
    ("an ARN with too few parts", True, role(allow("iam:PutRolePolicy", "arn:aws:iam::*"))),
    ("every role as role/?*", True, role(allow("iam:AttachRolePolicy", f"arn:aws:iam::{OWN}:role/?*"))),
    ("every role as ro*", True, role(allow("iam:AttachRolePolicy", f"arn:aws:iam::{OWN}:ro*"))),
    ("all of IAM on users only, read", False, role(allow("iam:Get*", f"arn:aws:iam::{OWN}:user/*"))),
    (
        "role writes on users, where there are none",
        False,
        role(allow("iam:PutRolePolicy", f"arn:aws:iam::{OWN}:user/*")),
    ),
    ("a version of the policy that it has", True, role(allow("iam:CreatePolicyVersion", POLICY), attached=[READS])),
    (
        "a default version by prefix",
        True,
        role(allow("iam:SetDefaultPolicyVersion", f"{POLICY[:-3]}*"), attached=[READS]),
    ),
    (
        "a version of a policy that it has not",
        False,
        role(allow("iam:CreatePolicyVersion", f"{POLICY}-2"), attached=[READS]),
    ),
    ("its own trust", True, role(allow("iam:UpdateAssumeRolePolicy", ROLE))),
    ("deny outside itself", True, role(allow("iam:PutRolePolicy"), outside(deny("iam:*"), ROLE))),
    (
        "deny outside itself, by variable",
        True,
        role(allow("iam:PutRolePolicy"), outside(deny("iam:*"), "${aws:PrincipalArn}")),
    ),
    ("deny outside another", False, role(allow("iam:PutRolePolicy"), outside(deny("iam:*"), f"{ROLE}-2"))),
    ("deny on itself and all", False, role(allow("iam:PutRolePolicy"), deny("iam:*"))),
    ("deny of others only", True, role(allow("iam:PutRolePolicy"), deny("iam:*", f"arn:aws:iam::{OWN}:role/prod-*"))),
    (
        "deny on all roles by ARN",
        False,
        role(allow("iam:PutRolePolicy"), deny("iam:Put*", f"arn:aws:iam::{OWN}:role/*")),
    ),
    ("deny with a condition", True, role(SELF_WRITE, deny("iam:*", Bool={"aws:SecureTransport": "false"}))),
    ("NotAction", True, role(outside({"Effect": "Allow", "NotAction": "s3:*"}, "arn:aws:s3:::b"))),
    (
        "NotAction without IAM, STS, passing",
        False,
        role(
            {
                "Effect": "Allow",
                "NotAction": [
                    "iam:*",
                    "sts:*",
                    "ssm:*",
                    "lambda:*",
                    "ecs:*",
                    "ec2*",
                    "cloudformation:*",
                    "codebuild:*",
                    "glue:*",
                    "sagemaker:*",
                    "states:*",
                    "apprunner:*",
                    "batch:*",
                ],
                "Resource": "*",
            }
        ),
    ),
    ("Allow outside all roles", False, role(outside(allow("iam:PutRolePolicy"), "arn:aws:iam::*:role/*"))),
    ("only with TLS", True, role(allow("iam:PutRolePolicy", **TLS))),
    ("only in a Region", True, role(allow("iam:PutRolePolicy", StringEquals={"aws:RequestedRegion": "eu-west-1"}))),
    (
        "only until a day",
        True,
        role(allow("iam:PutRolePolicy", DateLessThan={"aws:CurrentTime": "2030-01-01T00:00:00Z"})),
    ),
    (
        "only of tagged roles, itself untagged",
        False,
        role(allow("iam:PutRolePolicy", StringEquals={"iam:ResourceTag/team": "a"})),
    ),
    (
        "only of tagged roles, itself tagged",
        True,
        role(allow("iam:PutRolePolicy", StringEquals={"iam:ResourceTag/team": "a"}), tags={"team": "a"}),
    ),
    (
        "tags equal to its own",
        True,
        role(
            allow("iam:PutRolePolicy", StringEquals={"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}),
            tags={"team": "a"},
        ),
    ),
    (
        "only named harmless policies",
        False,
        role(allow("iam:AttachRolePolicy", ArnEquals={"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"})),
    ),
    (
        "any of AWS's policies",
        True,
        role(allow("iam:AttachRolePolicy", ArnLike={"iam:PolicyARN": "arn:aws:iam::aws:policy/*"})),
    ),
    (
        "own policies, which it writes",
        True,
        role(
            allow("iam:AttachRolePolicy", ArnLike={"iam:PolicyARN": f"arn:aws:iam::{OWN}:policy/app-*"}),
            allow("iam:CreatePolicy", f"arn:aws:iam::{OWN}:policy/app-*"),
        ),
    ),
    ("with a boundary on whoever is changed", False, role(allow("iam:AttachRolePolicy", StringEquals=PARTY))),
    ("with a boundary, if there is one", True, role(allow("iam:AttachRolePolicy", StringEqualsIfExists=PARTY))),
    (
        "with a boundary, if there is one, and there must be",
        False,
        role(allow("iam:AttachRolePolicy", StringEqualsIfExists=PARTY, Null={"iam:PermissionsBoundary": "false"})),
    ),
    (
        "takes the named boundary off others",
        True,
        role(allow("iam:DeleteRolePermissionsBoundary", StringEquals=PARTY)),
    ),
    ("with any boundary", True, role(allow("iam:AttachRolePolicy", StringLike={"iam:PermissionsBoundary": "*"}))),
    ("a boundary without IAM", False, role(allow("iam:*"), boundary=[allow("s3:*")])),
    ("a boundary of all of IAM", True, role(allow("iam:*"), boundary=[allow("iam:*")])),
    ("admin within a boundary of all of IAM", True, role(allow("*"), boundary=[allow("iam:*")])),
    (
        "admin within a boundary that it may take off",
        True,
        role(allow("*"), boundary=[allow(["s3:*", "iam:DeleteRolePermissionsBoundary"])]),
    ),
    (
        "a boundary that it may replace",
        True,
        role(
            SELF_WRITE,
            allow("iam:PutRolePermissionsBoundary", ROLE),
            boundary=[allow("s3:*"), allow("iam:PutRolePermissionsBoundary")],
        ),
    ),
    (
        "a boundary that it may rewrite",
        True,
        role(allow("iam:*"), boundary=[allow("s3:*"), allow("iam:CreatePolicyVersion", BOUNDARY)]),
    ),
    (
        "a boundary for another boundary",
        False,
        role(allow("iam:DeleteRolePermissionsBoundary", f"{ROLE}-2"), boundary=[allow("*")]),
    ),
    (
        "a deny that it may delete",
        True,
        role(
            allow("iam:DeleteRolePolicy", ROLE),
            allow("s3:*", "arn:aws:s3:::b"),
            deny("s3:DeleteBucket", "arn:aws:s3:::b"),
        ),
    ),
    (
        "a deny that it may detach",
        True,
        role(
            allow("iam:DetachRolePolicy", ROLE),
            allow("s3:*", "arn:aws:s3:::b"),
            attached=[deny("s3:Put*", "arn:aws:s3:::b")],
        ),
    ),
    (
        "a deny that guards itself",
        False,
        role(
            allow("iam:DeleteRolePolicy", ROLE),
            allow("s3:*", "arn:aws:s3:::b"),
            deny(["s3:DeleteBucket", "iam:DeleteRolePolicy"]),
        ),
    ),
    ("nothing to delete", False, role(allow("iam:DeleteRolePolicy", ROLE), READS)),
    ("PassRole and RunTask", True, passing("ecs:RunTask")),
    ("PassRole of one role and RunTask", False, passing("ecs:RunTask", resource=f"{ROLE}-task")),
    (
        "PassRole to Lambda and RunTask",
        False,
        passing("ecs:RunTask", StringEquals={"iam:PassedToService": "lambda.amazonaws.com"}),
    ),
    (
        "PassRole and one's own function",
        True,
        role(
            allow("iam:PassRole", "arn:aws:iam::*:role/*"),
            allow(["lambda:CreateFunction", "lambda:InvokeFunction"], f"arn:aws:lambda:*:{OWN}:function:mine-*"),
        ),
    ),
    ("PassRole and Scheduler", True, passing("scheduler:CreateSchedule")),
    ("commands on every server", True, role(allow("ssm:SendCommand"))),
    (
        "commands on one server, every document",
        False,
        role(
            allow(
                "ssm:SendCommand",
                ["arn:aws:ssm:*:*:document/*", f"arn:aws:ec2:us-east-1:{OWN}:instance/i-0123456789abcdef0"],
            )
        ),
    ),
    (
        "IAM through CloudFormation only",
        True,
        role(
            allow(
                "iam:PutRolePolicy", **{"ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}}
            )
        ),
    ),
    (
        "IAM through MGN only",
        False,
        role(allow("iam:PutRolePolicy", **{"ForAnyValue:StringEquals": {"aws:CalledVia": "mgn.amazonaws.com"}})),
    ),
]


def trusts(principal: Any, action: str = "sts:AssumeRole", **condition: Any) -> list[dict[str, Any]]:
    made: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": action}
    return [made | ({"Condition": condition} if condition else {})]


def web(host: str, **condition: Any) -> list[dict[str, Any]]:
    return trusts({"Federated": host}, "sts:AssumeRoleWithWebIdentity", **condition)


def subject(value: Any, operator: str = "StringLike") -> dict[str, Any]:
    return {operator: {f"{GITHUB}:sub": value}}


AUD = {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}
OUR_ORG = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
SAML = {"Federated": f"arn:aws:iam::{OWN}:saml-provider/corp"}
POOL = "us-east-1:12345678-ffff-ffff-ffff-123456789012"

# Truth: may somebody from outside take the role on?
TRUSTS: list[Case] = [
    ("Google, anybody", True, web("accounts.google.com")),
    ("Google by ARN", True, web(f"{OIDC}accounts.google.com")),
    (
        "Google, our client",
        False,
        web("accounts.google.com", StringEquals={"accounts.google.com:aud": "1.apps.googleusercontent.com"}),
    ),
    (
        "Google, an audience that any service account chooses",
        True,
        web("accounts.google.com", StringEquals={"accounts.google.com:oaud": "x"}),
    ),
    ("Facebook, anybody", True, web("graph.facebook.com")),
    ("Cognito without pool", True, web("cognito-identity.amazonaws.com")),
    (
        "Cognito, any pool's users",
        True,
        web(
            "cognito-identity.amazonaws.com",
            **{"ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"}},
        ),
    ),
    (
        "Cognito, our pool",
        False,
        web(
            "cognito-identity.amazonaws.com",
            StringEquals={"cognito-identity.amazonaws.com:aud": POOL},
            **{"ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"}},
        ),
    ),
    (
        "Cognito, our pool's guests",
        True,
        web(
            "cognito-identity.amazonaws.com",
            StringEquals={"cognito-identity.amazonaws.com:aud": POOL},
            **{"ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "unauthenticated"}},
        ),
    ),
    ("GitHub, repo:*", True, web(f"{OIDC}{GITHUB}", **subject("repo:*"))),
    ("GitHub, every owner", True, web(f"{OIDC}{GITHUB}", **subject("repo:*/infra:ref:refs/heads/main"))),
    ("GitHub, owners that begin so", True, web(f"{OIDC}{GITHUB}", **subject("repo:ours*"))),
    ("GitHub, our repositories", False, web(f"{OIDC}{GITHUB}", **subject("repo:ours/*"))),
    ("GitHub, one of two open", True, web(f"{OIDC}{GITHUB}", **subject(["repo:ours/*", "repo:*"]))),
    (
        "GitHub, stars under StringEquals are no wildcards",
        False,
        web(f"{OIDC}{GITHUB}", **subject("repo:*", "StringEquals")),
    ),
    ("GitHub, ForAllValues", True, web(f"{OIDC}{GITHUB}", **subject("repo:ours/*", "ForAllValues:StringLike"))),
    ("GitHub, IfExists", True, web(f"{OIDC}{GITHUB}", **subject("repo:ours/*", "StringLikeIfExists"))),
    ("GitHub, by audience", True, web(f"{OIDC}{GITHUB}", StringEquals={f"{GITHUB}:aud": "sts.amazonaws.com"})),
    ("GitHub, main of anybody", True, web(f"{OIDC}{GITHUB}", StringEquals={f"{GITHUB}:ref": "refs/heads/main"})),
    ("GitHub, our owner", False, web(f"{OIDC}{GITHUB}", StringEquals={f"{GITHUB}:repository_owner": "ours"})),
    ("GitLab, every project", True, web(f"{OIDC}gitlab.com", StringLike={"gitlab.com:sub": "project_path:*"})),
    ("GitLab, our group", False, web(f"{OIDC}gitlab.com", StringLike={"gitlab.com:sub": "project_path:ours/*"})),
    (
        "Terraform Cloud, our organization",
        False,
        web(f"{OIDC}app.terraform.io", StringLike={"app.terraform.io:sub": "organization:ours:project:*"}),
    ),
    (
        "a cluster's every pod",
        True,
        web(
            f"{OIDC}oidc.eks.us-east-1.amazonaws.com/id/A1",
            StringLike={"oidc.eks.us-east-1.amazonaws.com/id/A1:sub": "system:serviceaccount:*"},
        ),
    ),
    (
        "a cluster's namespace",
        False,
        web(
            f"{OIDC}oidc.eks.us-east-1.amazonaws.com/id/A1",
            StringLike={"oidc.eks.us-east-1.amazonaws.com/id/A1:sub": "system:serviceaccount:web:*"},
        ),
    ),
    (
        "a provider of another account",
        True,
        web(f"arn:aws:iam::{OTHER}:oidc-provider/{GITHUB}", **subject("repo:ours/*")),
    ),
    ("SAML without audience", True, trusts(SAML, "sts:AssumeRoleWithSAML")),
    ("SAML for AWS", False, trusts(SAML, "sts:AssumeRoleWithSAML", **AUD)),
    (
        "SAML, any lasting subject",
        True,
        trusts(SAML, "sts:AssumeRoleWithSAML", StringEquals={"saml:sub_type": "persistent"}),
    ),
    ("our own account", False, trusts({"AWS": f"arn:aws:iam::{OWN}:root"})),
    ("another account's root", True, trusts({"AWS": OTHER})),
    ("another account with an external id", False, trusts({"AWS": OTHER}, StringEquals={"sts:ExternalId": "f3b1"})),
    ("another account, MFA", True, trusts({"AWS": OTHER}, Bool={"aws:MultiFactorAuthPresent": "true"})),
    ("everybody of our organization", False, trusts("*", **OUR_ORG)),
    ("everybody of an organization, if of one", True, trusts("*", StringEqualsIfExists=OUR_ORG["StringEquals"])),
    (
        "everybody, denied outside our organization",
        False,
        [*trusts("*"), trusts("*", StringNotEquals=OUR_ORG["StringEquals"])[0] | {"Effect": "Deny"}],
    ),
    ("everybody, denied for one account", True, [*trusts("*"), trusts({"AWS": OTHER})[0] | {"Effect": "Deny"}]),
    ("everybody may tag sessions only", False, trusts("*", "sts:TagSession")),
    ("everybody with a tag", True, trusts("*", StringEquals={"aws:PrincipalTag/team": "a"})),
]


def lets(condition: Any = None, *more: dict[str, Any], principal: Any = "*") -> list[dict[str, Any]]:
    one = {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
    return [one | ({"Condition": condition} if condition else {}), *more]


def shuts(condition: Any = None, action: str = "s3:*", **more: Any) -> dict[str, Any]:
    one = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"} | more
    return one | ({"Condition": condition} if condition else {})


VPC_IP = {"aws:VpcSourceIp": "10.0.0.0/16"}
ORG = {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}

# Truth: does it let in everybody?
RESOURCES: list[Case] = [
    ("no condition", True, lets()),
    ("TLS", True, lets(TLS)),
    ("a Region", True, lets({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})),
    ("an agent", True, lets({"StringLike": {"aws:UserAgent": "secret-agent*"}})),
    ("a referer", True, lets({"StringLike": {"aws:Referer": "https://ours.example/*"}})),
    ("a private address", True, lets({"IpAddress": VPC_IP})),
    ("a private address in our VPC", False, lets({"IpAddress": VPC_IP, "StringEquals": {"aws:SourceVpc": "vpc-1"}})),
    ("a private source address", True, lets({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
    ("our address", False, lets({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})),
    ("halves of everything", True, lets({"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}})),
    ("everything in 256 parts", True, lets({"IpAddress": {"aws:SourceIp": [f"{one}.0.0.0/8" for one in range(256)]}})),
    (
        "too wide a network in narrow parts",
        True,
        lets({"IpAddress": {"aws:SourceIp": ["8.0.0.0/9", "8.128.0.0/9", "9.0.0.0/9", "9.128.0.0/9"]}}),
    ),
    ("all of IPv6", True, lets({"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "::/0"]}})),
    ("all but an address", True, lets({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})),
    ("any organization", True, lets({"StringLike": {"aws:PrincipalOrgID": "o-*"}})),
    ("our organization", False, lets({"StringEquals": ORG})),
    ("our organization, if of one", True, lets({"StringEqualsIfExists": ORG})),
    (
        "our organization, if of one, and there must be",
        False,
        lets({"StringEqualsIfExists": ORG, "Null": {"aws:PrincipalOrgID": "false"}}),
    ),
    ("ForAllValues, present or not", True, lets({"ForAllValues:StringEquals": ORG})),
    ("of any endpoint", True, lets({"Null": {"aws:SourceVpce": "false"}})),
    ("of all but an account", True, lets({"StringNotEquals": {"aws:PrincipalAccount": OTHER}})),
    ("the caller's own account", True, lets({"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}})),
    ("a star that is no wildcard", False, lets({"StringEquals": {"aws:PrincipalAccount": "*"}})),
    ("a user's name", True, lets({"StringEquals": {"aws:username": "alice"}})),
    ("a role's unique id", False, lets({"StringLike": {"aws:userid": "AROAEXAMPLEROLE12345:*"}})),
    ("every unique id", True, lets({"StringLike": {"aws:userid": "AROA*"}})),
    ("a tag of the caller's", True, lets({"StringEquals": {"aws:PrincipalTag/team": "a"}})),
    ("an account's roles", False, lets({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/*"}})),
    ("a role's name in any account", True, lets({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}})),
    ("denied outside our organization", False, lets(None, shuts({"StringNotEquals": ORG}))),
    ("denied outside it, for other actions", True, lets(None, shuts({"StringNotEquals": ORG}, "s3:PutObject"))),
    (
        "denied outside it, where the key is there",
        True,
        lets(None, shuts({"StringNotEquals": ORG, "Null": {"aws:PrincipalOrgID": "false"}})),
    ),
    (
        "denied outside endpoint and organization",
        False,
        lets(None, shuts({"StringNotEquals": ORG | {"aws:SourceVpce": "vpce-1"}})),
    ),
    (
        "denied outside it but for services",
        False,
        lets(None, shuts({"StringNotEqualsIfExists": ORG, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}})),
    ),
    (
        "denied outside it, anonymous forgotten",
        True,
        lets(None, shuts({"StringNotEquals": ORG, "Bool": {"aws:PrincipalIsAWSService": "false"}})),
    ),
    ("denied without TLS only", True, lets(None, shuts({"Bool": {"aws:SecureTransport": "false"}}))),
    (
        "denied for all but named",
        False,
        lets(
            None,
            {"Effect": "Deny", "NotPrincipal": {"AWS": f"arn:aws:iam::{OWN}:root"}, "Action": "s3:*", "Resource": "*"},
        ),
    ),
    (
        "all but somebody",
        True,
        [{"Effect": "Allow", "NotPrincipal": {"AWS": OTHER}, "Action": "s3:*", "Resource": "*"}],
    ),
    ("another account", False, lets(None, principal={"AWS": OTHER})),
]
