"""DescribeSnapshots of one's own: moto 5.2.5 does not know ``OwnerIds`` and answers those of public images too."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.responses.elastic_block_store import ElasticBlockStore


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(ElasticBlockStore, "_knows_owners", False):
        return
    ElasticBlockStore.describe_snapshots = _with_owners(ElasticBlockStore.describe_snapshots)
    ElasticBlockStore._knows_owners = True


def _with_owners(original: Callable[..., Any]) -> Callable[[ElasticBlockStore], Any]:
    @wraps(original)
    def described(self: ElasticBlockStore) -> Any:
        answer = original(self)
        backend: EC2Backend = self.ec2_backend
        owners = {backend.account_id if one == "self" else one for one in self._get_param("OwnerIds", [])}
        if owners:
            answer.result["Snapshots"] = [one for one in answer.result["Snapshots"] if one.owner_id in owners]
        return answer

    return described
