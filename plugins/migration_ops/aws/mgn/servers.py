"""What MGN says about a source server, as plain values (API reference, SourceServer)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from migration_ops.aws.mgn.states import (
    BEFORE_REPLICATION,
    REPLICATION_ENDED,
    REPLICATION_READY,
    REPLICATION_TERMINAL,
    REPLICATION_WAITING,
)

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_UNIT_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


def duration_seconds(text: str | None) -> float | None:
    """Seconds of an ISO 8601 duration as MGN writes it (``P0D``, ``PT16H20M38.697305S``).

    Absent, empty, malformed or of another type (the SDK does not check it) is None: unknown, never zero.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if not match or not any(match.groupdict().values()):
        return None
    return sum(float(value) * _UNIT_SECONDS[unit] for unit, value in match.groupdict().items() if value)


def moment(text: str | None) -> datetime | None:
    """An MGN date string (``…Z``, ``…+00:00``, or without a zone: UTC) as an aware datetime; None when unreadable."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


@dataclass(frozen=True)
class ServerView:
    """One source server as last read. None always means: MGN did not say.

    :param snapshot_age_seconds: age of the last snapshot when the server was read.
    :param seen_age_seconds: how long before the read MGN last heard of the agent. Negative ages: clocks differ.
    :param failed_checks: MGN's own checks of the launched instance that failed, in words.
    """

    source_server_id: str
    arn: str | None = None
    hostname: str | None = None
    fqdn: str | None = None
    source_instance_id: str | None = None
    ip_addresses: tuple[str, ...] = ()
    primary_ip: str | None = None
    os_name: str | None = None
    is_archived: bool | None = None
    application_id: str | None = None
    lifecycle_state: str | None = None
    replication_state: str | None = None
    replication_error: str | None = None
    lag_seconds: float | None = None
    backlog_bytes: int | None = None
    total_bytes: int | None = None
    replicated_bytes: int | None = None
    eta: str | None = None
    last_snapshot_at: str | None = None
    snapshot_age_seconds: float | None = None
    seen_age_seconds: float | None = None
    replication_type: str | None = None
    failed_checks: str | None = None
    launched_instance_id: str | None = None
    launched_job_id: str | None = None
    first_boot: str | None = None
    last_test_job_id: str | None = None
    last_test_called_at: str | None = None
    last_cutover_job_id: str | None = None
    last_cutover_called_at: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def replicates(self) -> bool | None:
        """Whether MGN replicates it, also paused or stalled; None when MGN states no replication that is known here."""
        if self.replication_state in REPLICATION_ENDED:
            return False
        if self.replication_state in REPLICATION_READY | REPLICATION_WAITING | REPLICATION_TERMINAL:
            return True
        return False if self.replication_state is None and self.lifecycle_state in BEFORE_REPLICATION else None

    def as_document(self) -> dict[str, Any]:
        return {**vars(self), "tags": dict(self.tags), "ip_addresses": list(self.ip_addresses) or None}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> ServerView:
        return cls(**{**document, "ip_addresses": tuple(document.get("ip_addresses") or ())})

    @classmethod
    def from_api(cls, item: dict[str, Any], now: datetime | None = None) -> ServerView:
        """Reads one item of DescribeSourceServers. Only ``sourceServerID`` must be present.

        :param now: the aware moment of the read; without it no age is known.
        """
        life = item.get("lifeCycle") or {}
        replication = item.get("dataReplicationInfo") or {}
        launched = item.get("launchedInstance") or {}
        properties = item.get("sourceProperties") or {}
        hints = properties.get("identificationHints") or {}
        test = (life.get("lastTest") or {}).get("initiated") or {}
        cutover = (life.get("lastCutover") or {}).get("initiated") or {}
        disks = replication.get("replicatedDisks") or []
        return cls(
            source_server_id=item["sourceServerID"],
            arn=item.get("arn"),
            hostname=hints.get("hostname") or hints.get("fqdn"),
            fqdn=hints.get("fqdn"),
            source_instance_id=hints.get("awsInstanceID"),
            ip_addresses=tuple(ip for one in properties.get("networkInterfaces") or [] for ip in one.get("ips") or []),
            primary_ip=_primary_ip(properties.get("networkInterfaces") or []),
            os_name=(properties.get("os") or {}).get("fullString"),
            is_archived=item.get("isArchived"),
            application_id=item.get("applicationID"),
            lifecycle_state=life.get("state"),
            replication_state=replication.get("dataReplicationState"),
            replication_error=(replication.get("dataReplicationError") or {}).get("error"),
            lag_seconds=duration_seconds(replication.get("lagDuration")),
            backlog_bytes=_sum_of(disks, "backloggedStorageBytes"),
            total_bytes=_sum_of(disks, "totalStorageBytes"),
            replicated_bytes=_sum_of(disks, "replicatedStorageBytes"),
            eta=replication.get("etaDateTime"),
            last_snapshot_at=replication.get("lastSnapshotDateTime"),
            snapshot_age_seconds=_age(replication.get("lastSnapshotDateTime"), now),
            seen_age_seconds=_age(life.get("lastSeenByServiceDateTime"), now),
            replication_type=item.get("replicationType"),
            failed_checks=_failed_checks(launched),
            launched_instance_id=launched.get("ec2InstanceID"),
            launched_job_id=launched.get("jobID"),
            first_boot=launched.get("firstBoot"),
            last_test_job_id=test.get("jobID"),
            last_test_called_at=test.get("apiCallDateTime"),
            last_cutover_job_id=cutover.get("jobID"),
            last_cutover_called_at=cutover.get("apiCallDateTime"),
            tags=dict(item.get("tags") or {}),
        )


def _sum_of(disks: list[dict[str, Any]], member: str) -> int | None:
    """Sum over the disks; unknown (None) when one disk lacks the value, or when there is no disk."""
    values = [disk.get(member) for disk in disks]
    if not values or any(value is None for value in values):
        return None
    return int(sum(values))  # type: ignore[arg-type]


def _age(text: Any, now: datetime | None) -> float | None:
    """Seconds since an MGN date string; None when it is absent or unreadable, or the time of the read is not known."""
    when = moment(text) if isinstance(text, str) else None
    return None if when is None or now is None else (now - when).total_seconds()


def _failed_checks(launched: dict[str, Any]) -> str | None:
    """``lastKnownChecks`` and ``lastKnownFsxChecksStatus`` of a launched instance that are FAILED, with MGN's error."""
    failed = [one for one in launched.get("lastKnownChecks") or [] if one.get("status") == "FAILED"]
    words = [f"{one.get('type')} {one.get('name')}: {one.get('error') or 'FAILED'}" for one in failed]
    if launched.get("lastKnownFsxChecksStatus") == "FAILED" and not any(one.get("type") == "FSx" for one in failed):
        words.append("FSx checks: FAILED")
    return "; ".join(words) or None


def _primary_ip(interfaces: list[dict[str, Any]]) -> str | None:
    """The IPv4 address that ``copyPrivateIp`` copies: the first one of the primary interface."""
    mine = next((one for one in interfaces if one.get("isPrimary")), interfaces[0] if len(interfaces) == 1 else {})
    return next((ip for ip in mine.get("ips") or [] if ":" not in ip), None)
