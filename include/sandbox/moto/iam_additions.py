"""IAM as moto 5.2.5 lacks it: jobs that tell when a service was last used, and AWS's managed policies when attached.

moto can load all of AWS's managed policies (a thousand, in every listing); here one is there once a role has it.
"""

from __future__ import annotations

import functools
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from moto.core.responses import ActionResult
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.exceptions import NotFoundException
from moto.iam.models import AWSManagedPolicy, IAMBackend, ManagedPolicy, Role
from moto.iam.responses import IamResponse

# What a policy of all actions reaches; AWS lists some hundreds.
ALL_SERVICES = ("dynamodb", "ec2", "iam", "kms", "lambda", "logs", "mgn", "s3", "sns", "sqs", "ssm", "states", "sts")
PAGE = 100
AWS_POLICY = ":iam::aws:policy/"
ANY_SERVICE = "*"


@dataclass
class _Job:
    role: Role
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))


_jobs: dict[str, _Job] = {}
# Role name -> service namespace (or ``*`` for all) -> when it was last used.
_used: dict[str, dict[str, datetime]] = {}
_lock = threading.Lock()
# How long a job takes.
job_duration = timedelta(milliseconds=10)


def forget_all() -> None:
    with _lock:
        _jobs.clear()
        _used.clear()


def note_use(role_name: str, used: dict[str, datetime]) -> None:
    """When the role used which services; only these."""
    with _lock:
        _used[role_name] = used


@functools.cache
def install() -> None:
    """Patches moto in this process."""
    attach = IAMBackend.attach_role_policy

    def attach_role_policy(self: IAMBackend, policy_arn: str, role_name: str) -> None:
        if AWS_POLICY in policy_arn and policy_arn not in self.managed_policies:
            _load(self, policy_arn)
        attach(self, policy_arn, role_name)

    IAMBackend.attach_role_policy = attach_role_policy
    IamResponse.generate_service_last_accessed_details = _generate
    IamResponse.get_service_last_accessed_details = _get


def _load(backend: IAMBackend, arn: str) -> None:
    name = arn.rsplit("/", 1)[-1]
    data = json.loads(aws_managed_policies_data).get(name)
    if data is None:
        return
    policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
    backend.aws_managed_policies.append(policy)
    backend.managed_policies[policy.arn] = policy


def _generate(self: IamResponse) -> ActionResult:
    arn = self._get_param("Arn")
    role = next((one for one in self.backend.roles.values() if one.arn == arn), None)
    if role is None:
        raise NotFoundException(f"ARN {arn} does not exist.")
    job_id = str(uuid4())
    with _lock:
        _jobs[job_id] = _Job(role)
    return ActionResult({"JobId": job_id})


def _get(self: IamResponse) -> ActionResult:
    job = _jobs.get(self._get_param("JobId"))
    if job is None:
        raise NotFoundException("The specified job does not exist.")
    done_at = job.made_at + job_duration
    answer: dict[str, Any] = {"JobType": "SERVICE_LEVEL", "JobCreationDate": job.made_at, "IsTruncated": False}
    if datetime.now(UTC) < done_at:
        return ActionResult(answer | {"JobStatus": "IN_PROGRESS", "ServicesLastAccessed": []})
    services = [_last_accessed(job.role, one) for one in _reachable(job.role)]
    start = int(self._get_param("Marker") or 0)
    end = start + int(self._get_param("MaxItems") or PAGE)
    if end < len(services):
        answer |= {"IsTruncated": True, "Marker": str(end)}
    done = {"JobStatus": "COMPLETED", "JobCompletionDate": done_at, "ServicesLastAccessed": services[start:end]}
    return ActionResult(answer | done)


def _last_accessed(role: Role, namespace: str) -> dict[str, Any]:
    used = _used.get(role.name, {})
    at = used.get(namespace, used.get(ANY_SERVICE))
    found: dict[str, Any] = {"ServiceName": namespace, "ServiceNamespace": namespace, "TotalAuthenticatedEntities": 0}
    if at is not None:
        found |= {"LastAuthenticated": at, "LastAuthenticatedEntity": role.arn, "TotalAuthenticatedEntities": 1}
    return found


def _reachable(role: Role) -> list[str]:
    """Namespaces of what the role's policies allow."""
    documents = [json.loads(one) for one in role.policies.values()]
    documents += [json.loads(_default_version(one)) for one in role.managed_policies.values()]
    found: set[str] = set()
    for document in documents:
        listed = document["Statement"]
        for statement in [listed] if isinstance(listed, dict) else listed:
            if statement["Effect"] == "Allow":
                actions = statement.get("Action", [ANY_SERVICE])
                for action in [actions] if isinstance(actions, str) else actions:
                    found |= set(ALL_SERVICES) if action.startswith("*") else {action.split(":")[0].lower()}
    return sorted(found)


def _default_version(policy: ManagedPolicy) -> str:
    found: str = next(one.document for one in policy.versions if one.is_default)
    return found
