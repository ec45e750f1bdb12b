"""Gives EC2 resources a past: in moto everything was made just now (``POST /_sandbox/history``)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends


def make_older(account_id: str, region: str, hours_by_id: dict[str, float]) -> list[str]:
    """Volumes, snapshots and instances (by id) were made so many hours ago; the ids.

    :raises ValueError: there is no such resource.
    """
    backend: Any = ec2_backends[account_id][region]
    for resource_id, hours in hours_by_id.items():
        made = utcnow() - timedelta(hours=float(hours))
        instance = next((one for one in backend.all_instances() if one.id == resource_id), None)
        if resource_id in backend.volumes:
            backend.volumes[resource_id].create_time = made
        elif resource_id in backend.snapshots:
            backend.snapshots[resource_id].start_time = made
        elif instance is not None:
            instance.launch_time = made
        else:
            raise ValueError(f"no volume, snapshot or instance {resource_id}")
    return sorted(hours_by_id)
