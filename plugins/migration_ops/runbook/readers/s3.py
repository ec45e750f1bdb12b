"""S3 buckets: how they are protected. No object is read or listed."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.facts import is_failed

NO_BLOCK = ("NoSuchPublicAccessBlockConfiguration",)
NO_POLICY = ("NoSuchBucketPolicy",)
NO_ENCRYPTION = ("ServerSideEncryptionConfigurationNotFoundError",)


def read(reader: Reader) -> dict[str, Any]:
    """``buckets``: ``name, versioning, publicAccessBlock, encryption, policies`` (one, or none). None: none."""
    names = reader.config.resources.buckets
    if names.are_none:
        return {"buckets": []}
    listed = reader.pages("s3", "list_buckets", "Buckets")
    if is_failed(listed):
        return {"buckets": listed}
    ours = [one["Name"] for one in listed if names.takes(one["Name"])]
    return {"buckets": reader.each(ours, lambda name: _bucket(reader, name))}


def _bucket(reader: Reader, name: str) -> dict[str, Any]:
    versioning = reader.call("s3", "get_bucket_versioning", Bucket=name)
    block = reader.call_or_none("s3", "get_public_access_block", NO_BLOCK, Bucket=name)
    encryption = reader.call_or_none("s3", "get_bucket_encryption", NO_ENCRYPTION, Bucket=name)
    policy = reader.call_or_none("s3", "get_bucket_policy", NO_POLICY, Bucket=name)
    return {
        "name": name,
        # A bucket that never had it answers without a status.
        "versioning": versioning if is_failed(versioning) else versioning.get("Status", "never enabled"),
        "publicAccessBlock": _member(block, "PublicAccessBlockConfiguration"),
        "encryption": _algorithms(encryption),
        "policies": policy if is_failed(policy) else [policy["Policy"]] if policy else [],
    }


def _member(answer: Any, name: str) -> Any:
    return answer if answer is None or is_failed(answer) else answer.get(name)


def _algorithms(answer: Any) -> Any:
    configuration = _member(answer, "ServerSideEncryptionConfiguration")
    if configuration is None or is_failed(configuration):
        return configuration
    defaults = (one.get("ApplyServerSideEncryptionByDefault", {}) for one in configuration.get("Rules", []))
    return [one["SSEAlgorithm"] for one in defaults if "SSEAlgorithm" in one] or None
