"""Answers: the shapes of botocore's model from the account's state.

Source: AWS Application Migration Service API Reference, data types SourceServer, Job and JobLog.
"""

from __future__ import annotations

import functools
from typing import Any

from include.sandbox.clock import Clock
from include.sandbox.mgn.estate import Job, LifecycleMarks, LogItem, Participant, Server
from include.sandbox.mgn.replication import INITIATION_SECONDS, Replication

INITIATION_STEPS = (
    "WAIT",
    "CREATE_SECURITY_GROUP",
    "LAUNCH_REPLICATION_SERVER",
    "BOOT_REPLICATION_SERVER",
    "AUTHENTICATE_WITH_SERVICE",
    "DOWNLOAD_REPLICATION_SOFTWARE",
    "CREATE_STAGING_DISKS",
    "ATTACH_STAGING_DISKS",
    "PAIR_REPLICATION_SERVER_WITH_AGENT",
    "CONNECT_AGENT_TO_REPLICATION_SERVER",
    "START_DATA_TRANSFER",
)


def duration(seconds: float) -> str:
    """A duration as MGN writes it: ``P0D``, ``PT16H20M38.697305S``, ``P3DT4H``."""
    micros = round(seconds * 1_000_000)
    if micros <= 0:
        return "P0D"
    whole, fraction = divmod(micros, 1_000_000)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, secs = divmod(rest, 60)
    text = f"{secs}.{fraction:06d}".rstrip("0") if fraction else str(secs)
    clock = "".join(
        part
        for part, given in ((f"{hours}H", hours), (f"{minutes}M", minutes), (f"{text}S", secs or fraction))
        if given
    )
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


def without_nothing(document: dict[str, Any]) -> dict[str, Any]:
    """Leaves members out that have no value: MGN sends no nulls."""
    return {key: value for key, value in document.items() if value is not None}


def server_document(server: Server, clock: Clock, lingering: bool = False) -> dict[str, Any]:
    """``lingering``: right after finalize the real service still showed totalStorageBytes > 0."""
    now = clock.now()
    return without_nothing(
        {
            "sourceServerID": server.server_id,
            "arn": server.arn,
            "isArchived": server.is_archived,
            "tags": dict(server.tags),
            "replicationType": server.replication_type,
            "applicationID": server.application_id,
            "userProvidedID": server.user_provided_id,
            "launchedInstance": _launched(server, now),
            "lifeCycle": _life_cycle(server, clock, now),
            "dataReplicationInfo": _replication(server.replication, clock, now, lingering),
            "sourceProperties": _properties(server, clock, now),
        }
    )


def _launched(server: Server, now: float) -> dict[str, Any] | None:
    if server.launched is None:
        return None
    launched = server.launched
    return {"ec2InstanceID": launched.instance_id, "jobID": launched.job_id, "firstBoot": launched.first_boot(now)}


def _life_cycle(server: Server, clock: Clock, now: float) -> dict[str, Any]:
    replication = server.replication
    started = replication.started_at
    running = started is not None and replication.mode not in ("stopped", "disconnected", "absent")
    first_byte = started + INITIATION_SECONDS if started is not None else None
    return without_nothing(
        {
            "state": server.lifecycle_state,
            "addedToServiceDateTime": clock.stamp(server.added_at),
            "firstByteDateTime": clock.stamp(first_byte, False) if first_byte and first_byte <= now else None,
            "lastSeenByServiceDateTime": clock.stamp(_last_seen(replication, now)),
            "elapsedReplicationDuration": duration(now - started) if running and started is not None else None,
            "lastTest": _marks(server.last_test, clock),
            "lastCutover": _marks(server.last_cutover, clock),
        }
    )


def _last_seen(replication: Replication, now: float) -> float:
    gone = replication.mode == "disconnected" or replication.error == "AGENT_NOT_SEEN"
    return replication.since if gone else now


def _marks(marks: LifecycleMarks, clock: Clock) -> dict[str, Any]:
    initiated = reverted = None
    if marks.initiated_at is not None:
        initiated = {"apiCallDateTime": clock.stamp(marks.initiated_at), "jobID": marks.initiated_job_id}
    if marks.reverted_at is not None:
        reverted = {"apiCallDateTime": clock.stamp(marks.reverted_at)}
    return {"initiated": initiated or {}, "reverted": reverted or {}, "finalized": {}}


def _replication(replication: Replication, clock: Clock, now: float, lingering: bool) -> dict[str, Any]:
    state, lag, eta = replication.state(now), replication.lag_seconds(now), replication.eta(now)
    snapshot = replication.last_snapshot_at(now)
    document = {
        "dataReplicationState": state,
        "lagDuration": None if lag is None else duration(lag),
        "etaDateTime": None if eta is None or state == "CONTINUOUS" else clock.stamp(eta),
        "lastSnapshotDateTime": None if snapshot is None else clock.stamp(snapshot, False),
        "replicatedDisks": _disks(replication, now, lingering),
        "dataReplicationInitiation": _initiation(replication, clock, now),
    }
    if replication.error:
        document["dataReplicationError"] = {"error": replication.error}
    return without_nothing(document)


def _disks(replication: Replication, now: float, lingering: bool) -> list[dict[str, Any]]:
    """Each disk has its share of sync and backlog; all zero once the server is disconnected."""
    gone = replication.mode == "disconnected" and not lingering
    empty = gone or replication.mode in ("stopped", "absent")
    share = 0.0 if empty else replication.synced_share(now)
    backlog = replication.backlog_bytes(now)
    whole = replication.total_bytes or 1
    rescanning = replication.state(now) == "RESCAN"
    documents = []
    for index, disk in enumerate(replication.disks):
        part = backlog * disk.total_bytes // whole
        if index == 0:
            part = backlog - sum(backlog * other.total_bytes // whole for other in replication.disks[1:])
        documents.append(
            {
                "deviceName": disk.device_name,
                "totalStorageBytes": 0 if gone else disk.total_bytes,
                "replicatedStorageBytes": int(disk.total_bytes * share),
                "rescannedStorageBytes": disk.total_bytes // 2 if rescanning else 0,
                "backloggedStorageBytes": part,
            }
        )
    return documents


def _initiation(replication: Replication, clock: Clock, now: float) -> dict[str, Any] | None:
    if replication.started_at is None:
        return None
    done = min(len(INITIATION_STEPS), int(replication.active_seconds(now) / INITIATION_SECONDS * len(INITIATION_STEPS)))
    failed = (replication.error or "").removeprefix("FAILED_TO_")
    if failed in INITIATION_STEPS:
        steps = _steps(INITIATION_STEPS.index(failed), "FAILED")
    else:
        steps = _steps(done, "IN_PROGRESS")
    document: dict[str, Any] = {"startDateTime": clock.stamp(replication.started_at), "steps": steps}
    if replication.mode == "stalled":
        document["nextAttemptDateTime"] = clock.stamp(now + 3600, False)
    return document


@functools.cache
def _steps(place: int, status: str) -> list[dict[str, str]]:
    """All steps: those before ``place`` succeeded, the one there has ``status``."""
    return [
        {"name": name, "status": "SUCCEEDED" if index < place else status if index == place else "NOT_STARTED"}
        for index, name in enumerate(INITIATION_STEPS)
    ]


def _properties(server: Server, clock: Clock, now: float) -> dict[str, Any]:
    machine = server.machine
    return {
        "identificationHints": {"fqdn": machine.fqdn, "hostname": machine.hostname},
        "networkInterfaces": [{"macAddress": machine.mac_address, "ips": [machine.private_ip], "isPrimary": True}],
        "disks": [{"deviceName": disk.device_name, "bytes": disk.total_bytes} for disk in server.replication.disks],
        "cpus": [{"cores": machine.cores, "modelName": "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz"}],
        "ramBytes": machine.ram_bytes,
        "os": {"fullString": machine.os},
        "recommendedInstanceType": machine.recommended_instance_type,
        "lastUpdatedDateTime": clock.stamp(max(server.added_at, now - 3600), False),
    }


def _actions_status(one: Participant, job: Job, clock: Clock) -> dict[str, Any] | None:
    if not one.actions:
        return None
    return {
        "ssmAgentDiscoveryDatetime": clock.stamp(job.created_at, False),
        "postLaunchActionsLaunchStatusList": one.actions,
    }


def job_document(job: Job, clock: Clock) -> dict[str, Any]:
    return without_nothing(
        {
            "jobID": job.job_id,
            "arn": job.arn,
            "type": job.type,
            "initiatedBy": job.initiated_by,
            "status": job.status,
            "creationDateTime": clock.stamp(job.created_at),
            "endDateTime": None if job.ended_at is None else clock.stamp(job.ended_at, False),
            "participatingServers": [
                without_nothing(
                    {
                        "sourceServerID": one.server_id,
                        "launchStatus": one.launch_status,
                        "launchedEc2InstanceID": one.instance_id,
                        "postLaunchActionsStatus": _actions_status(one, job, clock),
                    }
                )
                for one in job.participants
            ],
            "tags": dict(job.tags),
        }
    )


def log_document(item: LogItem, clock: Clock) -> dict[str, Any]:
    return {"logDateTime": clock.stamp(item.at), "event": item.event, "eventData": item.data}
