"""What MGN says about a job (API reference, Job). A job itself is never FAILED; only its servers can be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

STATUS_ACTIVE = frozenset({"PENDING", "STARTED"})
STATUS_OVER = frozenset({"COMPLETED"})
LAUNCH_SUCCESS = frozenset({"LAUNCHED"})
LAUNCH_PENDING = frozenset({"PENDING", "IN_PROGRESS"})
LAUNCH_FAILURE = frozenset({"FAILED", "TERMINATED"})
INTENT_TAG = "migration-ops:intent"


@dataclass(frozen=True)
class JobView:
    """One MGN job as last read. ``launch_status``, ``instance_ids`` and ``actions`` are by source server id.

    :param actions: post-launch actions: ``name``, ``document``, ``status``, ``required``, ``reason``; None: not said.
    """

    job_id: str
    type: str | None = None
    initiated_by: str | None = None
    status: str | None = None
    created_at: str | None = None
    ended_at: str | None = None
    launch_status: dict[str, str | None] = field(default_factory=dict)
    instance_ids: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    actions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        return self.status in STATUS_ACTIVE

    @property
    def is_over(self) -> bool:
        return self.status in STATUS_OVER

    @property
    def intent_id(self) -> str | None:
        return self.tags.get(INTENT_TAG)

    def as_document(self) -> dict[str, Any]:
        copies = {name: dict(getattr(self, name)) for name in ("launch_status", "instance_ids", "tags")}
        return {**vars(self), **copies}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> JobView:
        return cls(**document)

    @classmethod
    def from_api(cls, item: dict[str, Any]) -> JobView:
        """Reads one Job of StartTest, StartCutover, TerminateTargetInstances or DescribeJobs."""
        servers = item.get("participatingServers") or []
        return cls(
            job_id=item["jobID"],
            type=item.get("type"),
            initiated_by=item.get("initiatedBy"),
            status=item.get("status"),
            created_at=item.get("creationDateTime"),
            ended_at=item.get("endDateTime"),
            launch_status={one["sourceServerID"]: one.get("launchStatus") for one in servers},
            instance_ids={
                one["sourceServerID"]: one["launchedEc2InstanceID"]
                for one in servers
                if one.get("launchedEc2InstanceID")
            },
            tags=dict(item.get("tags") or {}),
            actions={one["sourceServerID"]: found for one in servers if (found := _actions(one))},
        )


def _actions(server: dict[str, Any]) -> list[dict[str, Any]]:
    listed = (server.get("postLaunchActionsStatus") or {}).get("postLaunchActionsLaunchStatusList") or []
    return [
        {
            "name": (document := one.get("ssmDocument") or {}).get("actionName"),
            "document": document.get("ssmDocumentName"),
            "status": one.get("executionStatus"),
            "required": document.get("mustSucceedForCutover"),
            "reason": one.get("failureReason"),
        }
        for one in listed
    ]
