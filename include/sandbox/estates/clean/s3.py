"""A bucket as the package has it: versioned, encrypted, closed, TLS only. The sandbox's own are brought into order."""

from __future__ import annotations

import json
from typing import Any

from include.sandbox.estates.account import Account

BLOCKED = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def seed(account: Account) -> None:
    """Buckets that were there before this estate, and one more."""
    for one in account.client("s3").list_buckets()["Buckets"]:
        if one["Name"] != account.settings.get("MIGRATION_OPS_EVIDENCE_BUCKET"):
            bring_into_order(account, one["Name"])
    make_bucket(account, "migration-wave-plans")


def make_bucket(account: Account, name: str) -> str:
    """A bucket in order; its name."""
    s3 = account.client("s3")
    region = s3.meta.region_name
    placement = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **placement)
    bring_into_order(account, name)
    return name


def bring_into_order(account: Account, name: str) -> None:
    """Everything that the audit asks of a bucket."""
    s3 = account.client("s3")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(BLOCKED, True))
    by_default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [by_default]})
    put_policy(account, name, tls_only(name))


def put_policy(account: Account, name: str, *statements: dict[str, Any]) -> None:
    """The bucket's policy; none without statements."""
    s3 = account.client("s3")
    if statements:
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    else:
        s3.delete_bucket_policy(Bucket=name)


def tls_only(name: str) -> dict[str, Any]:
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
