"""What only time or AWS itself brings about: ages, last uses, findings of Access Analyzer. For seeds and tests.

{"roles": {"old-role": {"createdDaysAgo": 400, "usedDaysAgo": {"logs": 1, "*": 30}}},
 "secrets": {"old-secret": {"createdDaysAgo": 200, "rotatedDaysAgo": 100, "accessedDaysAgo": null}},
 "accessAnalyzer": [{"analyzer": "account", "resource": "arn:…", "resourceType": "AWS::S3::Bucket"}],
 "ec2HoursAgo": {"vol-1": 800}, "serviceQuotas": {"L-B99A9384": 2000},
 "costs": [{"service": "AWS Lambda", "usageType": "Request", "amount": 1.5, "from": "2026-01-01", "to": "2026-01-31"}]}
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from moto.iam.models import iam_backends
from moto.secretsmanager.models import secretsmanager_backends

from include.sandbox.moto import access_analyzer, cost_explorer, ec2_age, iam_additions, secret_dates, service_quotas
from include.sandbox.moto.server import account_id

KINDS = frozenset({"roles", "secrets", "accessAnalyzer", "ec2HoursAgo", "costs", "serviceQuotas"})


def write_history(document: dict[str, Any], region: str) -> dict[str, Any]:
    """
    Sets what the document names.

    :raises ValueError: it names something that the sandbox does not have.
    """
    if unknown := set(document) - KINDS:
        raise ValueError(f"no history of {sorted(unknown)}")
    for name, facts in document.get("roles", {}).items():
        _role(name, **facts)
    for name, facts in document.get("secrets", {}).items():
        _secret(secretsmanager_backends[account_id()][region].secrets[name], facts)
    for one in document.get("accessAnalyzer", ()):
        access_analyzer.add_finding(
            one["analyzer"], resource=one["resource"], resource_type=one["resourceType"], account_id=account_id()
        )
    ec2_age.make_older(account_id(), region, document.get("ec2HoursAgo", {}))
    cost_explorer.book(account_id(), document.get("costs", ()))
    service_quotas.grant(account_id(), region, document.get("serviceQuotas", {}))
    return {"ok": True}


def _role(name: str, createdDaysAgo: float | None = None, usedDaysAgo: dict[str, float] | None = None) -> None:
    role = iam_backends[account_id()]["aws"].get_role(name)
    if createdDaysAgo is not None:
        role.create_date = _ago(createdDaysAgo)
    if usedDaysAgo is not None:
        iam_additions.note_use(name, {service: _ago(days) for service, days in usedDaysAgo.items()})


def _secret(secret: Any, facts: dict[str, Any]) -> None:
    if unknown := set(facts) - {"createdDaysAgo", "rotatedDaysAgo", "accessedDaysAgo"}:
        raise ValueError(f"no history of a secret's {sorted(unknown)}")
    if "createdDaysAgo" in facts:
        secret.created_date = int(_ago(facts["createdDaysAgo"]).timestamp())
    if "rotatedDaysAgo" in facts:
        secret.last_rotation_date = int(_ago(facts["rotatedDaysAgo"]).timestamp())
    if "accessedDaysAgo" in facts:
        days = facts["accessedDaysAgo"]
        secret_dates.set_last_accessed(secret, None if days is None else _ago(days))


def _ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)
