"""S3 buckets: their protection. No object is read or listed."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.inventory.iam_access_checks import AccessChecks
from migration_ops.aws.inventory.s3_account_block import account_block
from migration_ops.aws.policies.exposure import BLOCK_PARTS, public_grants
from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing

NO_BLOCK = ("NoSuchPublicAccessBlockConfiguration",)
NO_POLICY = ("NoSuchBucketPolicy",)
NO_OWNERSHIP = ("OwnershipControlsNotFoundError",)
NO_ENCRYPTION = ("ServerSideEncryptionConfigurationNotFoundError",)


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``buckets``: ``name, versioning, publicAccessBlock, accountPublicAccessBlock, encryption, policies`` (one, or none),
    ``accessChecks`` (one for each), ``acl [{uri, permission}]``, ``ownership``. None: there is none.

    The account's block is read when a bucket's own is not complete, the ownership when the ACL has a public grant.
    """
    names = reader.config.resources.buckets
    if names.is_empty:
        return {"buckets": []}
    listed = reader.pages("s3", "list_buckets", "Buckets")
    if is_failed(listed):
        return {"buckets": listed}
    ours = [one["Name"] for one in listed if names.matches(one["Name"])]
    checks = AccessChecks(reader)
    buckets = reader.map(ours, lambda name: _bucket(reader, name, checks))
    if all(_blocks_all(one["publicAccessBlock"]) for one in buckets):
        return {"buckets": buckets}
    account = account_block(reader)
    return {"buckets": [one | {"accountPublicAccessBlock": account} for one in buckets]}


def _bucket(reader: AwsReader, name: str, checks: AccessChecks) -> dict[str, Any]:
    versioning = reader.call("s3", "get_bucket_versioning", Bucket=name)
    block = reader.call_optional("s3", "get_public_access_block", NO_BLOCK, Bucket=name)
    encryption = reader.call_optional("s3", "get_bucket_encryption", NO_ENCRYPTION, Bucket=name)
    policy = reader.call_optional("s3", "get_bucket_policy", NO_POLICY, Bucket=name)
    policies = policy if is_failed(policy) else [policy["Policy"]] if policy else []
    acl = _grants(reader, name)
    return {
        "name": name,
        # A bucket that never had versioning has no status.
        "versioning": versioning if is_failed(versioning) else versioning.get("Status", "never enabled"),
        "publicAccessBlock": _member(block, "PublicAccessBlockConfiguration"),
        "encryption": _algorithms(encryption),
        "policies": policies,
        "accessChecks": checks.of_policies(policies, "AWS::S3::Bucket"),
        "acl": acl,
        "ownership": None if is_failed(acl) or not public_grants(acl) else _ownership(reader, name),
    }


def _grants(reader: AwsReader, name: str) -> Any:
    """Grants to groups. Grants to single users are left out: they are not public."""
    answer = reader.guarded("s3:get_bucket_acl", lambda: reader.client("s3").get_bucket_acl(Bucket=name)["Grants"])
    if is_failed(answer):
        return answer
    return [
        {"uri": one["Grantee"]["URI"], "permission": one.get("Permission", "")}
        for one in answer
        if one.get("Grantee", {}).get("URI")
    ]


def _ownership(reader: AwsReader, name: str) -> Any:
    answer = reader.call_optional("s3", "get_bucket_ownership_controls", NO_OWNERSHIP, Bucket=name)
    if answer is None or is_failed(answer):
        return answer
    return next((one.get("ObjectOwnership") for one in answer.get("OwnershipControls", {}).get("Rules", [])), None)


def _blocks_all(block: Any) -> bool:
    return isinstance(block, dict) and all(block.get(part) is True for part in BLOCK_PARTS)


def _member(answer: Any, name: str) -> Any:
    return answer if answer is None or is_failed(answer) else answer.get(name)


def _algorithms(answer: Any) -> Any:
    configuration = _member(answer, "ServerSideEncryptionConfiguration")
    if configuration is None or is_failed(configuration):
        return configuration
    defaults = (one.get("ApplyServerSideEncryptionByDefault", {}) for one in configuration.get("Rules", []))
    return [one["SSEAlgorithm"] for one in defaults if "SSEAlgorithm" in one] or None


# The lists that checks are about.
BUCKETS = Listing("s3", "buckets", read)
