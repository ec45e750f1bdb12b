"""Neither the policy nor the ACL of a bucket lets in anybody in general."""

from __future__ import annotations

from migration_ops.aws.policies.exposure import ENFORCED, is_blocked, public_grants
from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, critical, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.verdicts import all_asked_of, open_to


def judge(bucket: Facts, _: Facts, __: Thresholds) -> Judgement:
    """The policy first: what it gives away is public whatever else was not read."""
    by_policy = open_to([("", one) for one in bucket["policies"]], all_asked_of(bucket))
    if by_policy.verdict is FindingVerdict.CRITICAL:
        by_policy = _held_back(bucket, by_policy)
    if by_policy.verdict is FindingVerdict.CRITICAL:
        return by_policy
    return _by_acl(bucket) or by_policy


def _held_back(bucket: Facts, found: Judgement) -> Judgement:
    """A block of the account's or the bucket's own keeps everybody out, for as long as it is there."""
    if not _is_on(bucket, "RestrictPublicBuckets"):
        return found
    reason = f"{found.reason}; only the public access block holds it back"
    return warning(reason, value=found.value, evidence=found.evidence)


def _by_acl(bucket: Facts) -> Judgement | None:
    found = tuple(public_grants(bucket["acl"]))
    if not found or bucket.maybe("ownership") == ENFORCED:
        return None
    reason = f"everybody is allowed {'; '.join(found)}"
    if _is_on(bucket, "IgnorePublicAcls"):
        return warning(f"{reason}; only the public access block holds it back", value="everybody", evidence=found)
    return critical(reason, value="everybody", evidence=found)


def _is_on(bucket: Facts, part: str) -> bool:
    """
    :raises NotRead: the bucket's own does not have it, and nobody knows about the account's.
    """
    own = bucket.maybe("publicAccessBlock")
    return is_blocked(part, own) or is_blocked(part, bucket.maybe("accountPublicAccessBlock"))
