"""IAM roles: who may assume them, their policies, and which services they used."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.inventory.iam_access_checks import AccessChecks
from migration_ops.aws.inventory.iam_last_accessed import last_accessed, start
from migration_ops.aws.policies.escalation import question
from migration_ops.aws.policies.shedding import permissions_of
from migration_ops.aws.policies.statements import MalformedPolicyError
from migration_ops.aws.reader import AwsReader, plain_json
from migration_ops.core.batches import side_by_side
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import NotReadError, Snapshot, failed, is_failed
from migration_ops.core.listing import Listing

OPERATION = "iam:get_account_authorization_details"
AWS_POLICY = ":iam::aws:policy/"


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``readAt``, and ``roles``: ``name, arn, accountId, createdAt, tags, trust, inline [{name, document}]``,
    ``attached [{name, arn, byAws, document}], boundary {name, arn, document}`` or None,
    ``lastAccessed {services [{namespace, lastUsedAt}]}``, ``trustCheck`` and ``grantCheck`` of Access Analyzer
    (``grantCheck`` is None where it cannot be asked, see :func:`~migration_ops.aws.policies.escalation.question`).
    """
    head = {"readAt": plain_json(reader.now)}
    names = reader.config.resources.roles
    if names.is_empty:
        return head | {"roles": []}
    found = reader.guarded(OPERATION, lambda: _details(reader))
    if is_failed(found):
        return head | {"roles": found}
    roles = [one for one in found if names.matches(one["name"])]
    # All jobs are started first: they run in parallel, and most are done when they are read.
    jobs = side_by_side(roles, lambda role: start(reader, role["arn"]))
    uses = side_by_side(jobs, lambda job: last_accessed(reader, job))
    checks = AccessChecks(reader)
    judged = side_by_side(roles, lambda role: _judged(checks, role))
    return head | {
        "roles": [
            role | {"lastAccessed": used} | judgement for role, used, judgement in zip(roles, uses, judged, strict=True)
        ]
    }


def _judged(checks: AccessChecks, role: dict[str, Any]) -> dict[str, Any]:
    trust = checks.no_public_access(role["trust"], "AWS::IAM::AssumeRolePolicyDocument")
    try:
        asked = question(permissions_of(Snapshot(role)))
    except (NotReadError, MalformedPolicyError):
        # Other checks of the role report it.
        asked = None
    return {"trustCheck": trust, "grantCheck": checks.not_granted(*asked) if asked else None}


def _details(reader: AwsReader) -> list[dict[str, Any]]:
    # One call for roles and policies, so that no policy is missing because it was attached in between.
    roles: list[Any] = []
    policies: list[Any] = []
    pages = reader.client("iam").get_paginator("get_account_authorization_details")
    for page in pages.paginate(Filter=["Role", "LocalManagedPolicy", "AWSManagedPolicy"]):
        roles += page["RoleDetailList"]
        policies += page["Policies"]
    documents = {policy["Arn"]: _default_document(policy) for policy in policies}
    return [_role(one, documents) for one in roles]


def _role(role: dict[str, Any], documents: dict[str, Any]) -> dict[str, Any]:
    boundary = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    return {
        "name": role["RoleName"],
        "arn": role["Arn"],
        "accountId": role["Arn"].split(":")[4],
        "createdAt": role["CreateDate"],
        "tags": {one["Key"]: one["Value"] for one in role.get("Tags") or []},
        "trust": role["AssumeRolePolicyDocument"],
        "inline": [{"name": one["PolicyName"], "document": one["PolicyDocument"]} for one in role["RolePolicyList"]],
        "attached": [
            {"name": one["PolicyName"], **_managed(one["PolicyArn"], documents)}
            for one in role["AttachedManagedPolicies"]
        ],
        "boundary": {"name": boundary.rsplit("/", 1)[-1], **_managed(boundary, documents)} if boundary else None,
    }


def _managed(arn: str, documents: dict[str, Any]) -> dict[str, Any]:
    missing = failed(OPERATION, UnknownError(f"{arn} is used, but IAM returned no document for it"))
    return {"arn": arn, "byAws": AWS_POLICY in arn, "document": documents.get(arn) or missing}


def _default_document(policy: dict[str, Any]) -> Any:
    """The document of the default version: decoded by the SDK, or else text, which ``statements`` reads as well."""
    return next((one["Document"] for one in policy["PolicyVersionList"] if one["IsDefaultVersion"]), None)


# The lists that checks are about.
ROLES = Listing("iam", "roles", read)
