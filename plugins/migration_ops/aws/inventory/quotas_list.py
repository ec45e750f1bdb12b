"""The quotas that migrations may reach, as data: where each limit is found, and what measures its usage.

Fixed limits of MGN are documented and cannot be raised (MGN user guide, service quotas); all others are read.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class QuotaSource:
    """
    One quota.

    :param service: the code in Service Quotas.
    :param code: the quota's code; empty: it is found by its name.
    :param words: the quota's name in lower case has all of these, and none of ``not_words``.
    :param fixed: the documented limit of a quota that cannot be raised: then Service Quotas is not asked.
    :param usage: key of ``COUNTERS`` in ``quotas_usage``; empty: the metric that Service Quotas names.
    """

    name: str
    service: str
    code: str = ""
    words: tuple[str, ...] = ()
    not_words: tuple[str, ...] = ()
    fixed: float | None = None
    usage: str = ""


QUOTAS = (
    QuotaSource(
        "MGN replicating source servers",
        "mgn",
        words=("active", "source servers"),
        not_words=("non-archived",),
        usage="mgnReplicating",
    ),
    QuotaSource(
        "MGN source servers that are not archived",
        "mgn",
        words=("non-archived", "source servers"),
        usage="mgnNotArchived",
    ),
    QuotaSource("MGN jobs at once", "mgn", fixed=20, usage="mgnJobs"),
    QuotaSource("MGN source servers in all jobs", "mgn", fixed=200, usage="mgnServersInJobs"),
    QuotaSource("EC2 vCPUs of On-Demand Standard instances", "ec2", code="L-1216C47A"),
    QuotaSource("Lambda concurrent executions", "lambda", code="L-B99A9384"),
    QuotaSource("EBS gp3 storage (TiB)", "ebs", code="L-7A658B76", usage="ebsGp3"),
)
