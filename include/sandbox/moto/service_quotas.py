"""Service Quotas of what the capacity plan looks at; moto 5.2.5 knows the VPC's defaults only.

Defaults are those of the services' documents (MGN: AWS General Reference, "AWS Application Migration Service
endpoints and quotas"). ``POST /_sandbox/history`` grants
another value; as on AWS, ListServiceQuotas leaves out a quota that was never applied and has a default only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from moto.servicequotas.models import ServiceQuotasBackend, servicequotas_backends
from moto.servicequotas.responses import ServiceQuotasResponse

PAGE = 4


@dataclass(frozen=True)
class Quota:
    """``usage``: dimensions of the metric in ``AWS/Usage`` that says how much of it is used, where AWS has one."""

    service: str
    code: str
    name: str
    default: float
    adjustable: bool = True
    is_listed: bool = True
    usage: tuple[tuple[str, str], ...] = ()


def _usage(service: str, resource: str, kind: str) -> tuple[tuple[str, str], ...]:
    return (("Service", service), ("Type", "Resource"), ("Resource", resource), ("Class", kind))


QUOTAS = (
    Quota("mgn", "L-SANDBOX1", "Max Active Source Servers", 150),
    Quota("mgn", "L-SANDBOX2", "Max Non-Archived Source Servers", 4000),
    Quota("mgn", "L-SANDBOX3", "Concurrent jobs in progress", 20, adjustable=False),
    Quota("mgn", "L-SANDBOX4", "Max Source Servers in All Jobs", 200, adjustable=False),
    Quota("mgn", "L-SANDBOX5", "Max Source Servers in a Single Job", 200, adjustable=False),
    Quota(
        "ec2",
        "L-1216C47A",
        "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        640,
        usage=_usage("EC2", "vCPU", "Standard/OnDemand"),
    ),
    Quota(
        "lambda", "L-B99A9384", "Concurrent executions", 1000, usage=_usage("Lambda", "ConcurrentExecutions", "None")
    ),
    Quota("ebs", "L-7A658B76", "Storage for General Purpose SSD (gp3) volumes, in TiB", 50, is_listed=False),
)


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    ServiceQuotasResponse.list_service_quotas = _list_applied
    ServiceQuotasResponse.list_aws_default_service_quotas = _list_defaults


def grant(account_id: str, region: str, values: dict[str, float]) -> dict[str, float]:
    """Sets applied values by quota code; all that are set.

    :raises ValueError: a code that is not known.
    """
    unknown = set(values) - {one.code for one in QUOTAS}
    if unknown:
        raise ValueError(f"unknown quotas {sorted(unknown)}")
    granted = _granted(servicequotas_backends[account_id][region])
    granted.update(values)
    return dict(granted)


def _granted(backend: ServiceQuotasBackend) -> dict[str, float]:
    found: dict[str, float] = backend.__dict__.setdefault("granted", {})
    return found


def _list_applied(self: ServiceQuotasResponse) -> str:
    granted = _granted(self.backend)
    return _page(
        self,
        [
            (one, granted.get(one.code, one.default))
            for one in _of_service(self)
            if one.is_listed or one.code in granted
        ],
    )


def _list_defaults(self: ServiceQuotasResponse) -> str:
    return _page(self, [(one, one.default) for one in _of_service(self)])


def _of_service(self: ServiceQuotasResponse) -> list[Quota]:
    """A service without quotas does not exist, as far as the sandbox knows."""
    from moto.servicequotas.exceptions import NoSuchResource

    found = [one for one in QUOTAS if one.service == json.loads(self.body)["ServiceCode"]]
    if not found:
        raise NoSuchResource
    return found


def _page(self: ServiceQuotasResponse, quotas: list[tuple[Quota, float]]) -> str:
    first = int(json.loads(self.body).get("NextToken") or 0)
    shown = [_document(quota, value, self) for quota, value in quotas[first : first + PAGE]]
    answer: dict[str, Any] = {"Quotas": shown}
    return json.dumps(answer | ({"NextToken": str(first + PAGE)} if first + PAGE < len(quotas) else {}))


def _document(quota: Quota, value: float, response: ServiceQuotasResponse) -> dict[str, Any]:
    place = f"{response.region}:{response.current_account}"
    document: dict[str, Any] = {
        "ServiceCode": quota.service,
        "ServiceName": quota.service,
        "QuotaArn": f"arn:aws:servicequotas:{place}:{quota.service}/{quota.code}",
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": float(value),
        "Unit": "None",
        "Adjustable": quota.adjustable,
        "GlobalQuota": False,
    }
    if quota.usage:
        document["UsageMetric"] = {
            "MetricNamespace": "AWS/Usage",
            "MetricName": "ResourceCount",
            "MetricDimensions": dict(quota.usage),
            "MetricStatisticRecommendation": "Maximum",
        }
    return document
