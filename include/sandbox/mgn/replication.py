"""Replication of one source server, as a function of the simulated clock: no thread, no timer.

Source: API Reference, data types DataReplicationInfo and DataReplicationInitiation; how long each takes is as observed.

Running replication collects active seconds: INITIATING, INITIAL_SYNC, BACKLOG, CREATING_SNAPSHOT, then CONTINUOUS.
Lag is known only between the first snapshot and the end of replication.
"""

from __future__ import annotations

from dataclasses import dataclass, field

INITIATION_SECONDS = 300.0
FLUSH_SECONDS = 120.0
FIRST_SNAPSHOT_SECONDS = 180.0
SNAPSHOT_EVERY_SECONDS = 600.0
RETRY_INITIATION_SECONDS = 120.0
RESCAN_SECONDS = 180.0
CATCH_UP_SECONDS = 120.0
# What the source writes while it is not followed; makes backlog out of lag.
SOURCE_WRITE_BYTES_PER_SECOND = 512 * 1024
# Beyond this a launch cannot take an up-to-date snapshot.
STALE_LAG_SECONDS = 60.0

REPLICATING = frozenset(
    {"INITIATING", "INITIAL_SYNC", "BACKLOG", "CREATING_SNAPSHOT", "CONTINUOUS", "RESCAN", "STALLED"}
)


@dataclass(frozen=True)
class Disk:
    device_name: str
    total_bytes: int
    is_boot: bool = False


@dataclass
class LagFault:
    """Lag on request: ``until`` None = until it is removed."""

    seconds: float
    until: float | None = None
    backlog_bytes: int | None = None


@dataclass
class Replication:
    """``mode``: running, paused, stalled, stopped, disconnected, or absent (never started).

    Instants are simulated seconds since the epoch.
    """

    disks: list[Disk]
    mode: str = "running"
    sync_bytes_per_second: float = 200 * 1024**2
    accrued_seconds: float = 0.0
    since: float = 0.0
    started_at: float | None = None
    first_snapshot_at: float | None = None
    forced_snapshot_at: float | None = None
    # When continuous protection was lost; lag counts from here until the detour is over.
    broken_at: float | None = None
    detour: list[tuple[str, float]] = field(default_factory=list)
    error: str | None = None
    stalled_until: float | None = None
    state_override: str | None = None
    lag_fault: LagFault | None = None

    @property
    def total_bytes(self) -> int:
        return sum(disk.total_bytes for disk in self.disks)

    @property
    def sync_seconds(self) -> float:
        return self.total_bytes / self.sync_bytes_per_second

    @property
    def first_snapshot_seconds(self) -> float:
        return INITIATION_SECONDS + self.sync_seconds + FLUSH_SECONDS + FIRST_SNAPSHOT_SECONDS

    def active_seconds(self, now: float) -> float:
        return self.accrued_seconds + (max(0.0, now - self.since) if self.mode == "running" else 0.0)

    def settle(self, now: float) -> bool:
        """Takes note of what has happened by ``now``; True when the first launchable snapshot exists."""
        if self.mode == "stalled" and self.stalled_until is not None and now >= self.stalled_until:
            self.recover(self.stalled_until)
        if self.first_snapshot_at is None and self.mode == "running":
            over = self.active_seconds(now) - self.first_snapshot_seconds
            if over >= 0:
                self.first_snapshot_at = now - over
        if self.detour and now >= self.detour[-1][1]:
            self.detour, self.broken_at = [], None
        return self.first_snapshot_at is not None

    def state(self, now: float) -> str:
        """``dataReplicationState``."""
        fixed = {"paused": "PAUSED", "stalled": "STALLED", "stopped": "STOPPED", "disconnected": "DISCONNECTED"}
        if self.mode in fixed:
            return fixed[self.mode]
        if self.mode == "absent":
            return "STOPPED"
        if self.state_override:
            return self.state_override
        for name, until in self.detour:
            if now < until:
                return name
        return self._phase(now)

    def _phase(self, now: float) -> str:
        left = self.active_seconds(now)
        for name, seconds in (
            ("INITIATING", INITIATION_SECONDS),
            ("INITIAL_SYNC", self.sync_seconds),
            ("BACKLOG", FLUSH_SECONDS),
            ("CREATING_SNAPSHOT", FIRST_SNAPSHOT_SECONDS),
        ):
            if left < seconds:
                return name
            left -= seconds
        return "CONTINUOUS"

    def lag_seconds(self, now: float) -> float | None:
        """Seconds behind the source; None = not launchable."""
        if self.first_snapshot_at is None or self.mode in ("stopped", "disconnected", "absent"):
            return None
        broken = max(0.0, now - self.broken_at) if self.broken_at is not None else 0.0
        fault = self._lag_fault(now)
        return max(broken, fault.seconds) if fault else broken

    def _lag_fault(self, now: float) -> LagFault | None:
        if self.lag_fault and (self.lag_fault.until is None or now < self.lag_fault.until):
            return self.lag_fault
        return None

    def backlog_bytes(self, now: float) -> int:
        if self.mode in ("stopped", "disconnected", "absent"):
            return 0
        fault = self._lag_fault(now)
        if fault and fault.backlog_bytes is not None:
            return fault.backlog_bytes
        if self._phase(now) == "BACKLOG" and self.mode == "running":
            done = self.active_seconds(now) - INITIATION_SECONDS - self.sync_seconds
            return int(self.sync_seconds * SOURCE_WRITE_BYTES_PER_SECOND * max(0.0, 1 - done / FLUSH_SECONDS))
        return int((self.lag_seconds(now) or 0.0) * SOURCE_WRITE_BYTES_PER_SECOND)

    def synced_share(self, now: float) -> float:
        """Share of the initial sync that is done, 0 to 1."""
        if self.sync_seconds == 0:
            return 1.0
        return min(1.0, max(0.0, (self.active_seconds(now) - INITIATION_SECONDS) / self.sync_seconds))

    def eta(self, now: float) -> float | None:
        """When continuous protection is expected; None when it is there, or nothing moves."""
        if self.mode != "running":
            return None
        if self.detour:
            return self.detour[-1][1]
        left = self.first_snapshot_seconds - self.active_seconds(now)
        return now + left if left > 0 else None

    def last_snapshot_at(self, now: float) -> float | None:
        if self.first_snapshot_at is None or self.mode in ("stopped", "absent"):
            return None
        until = now if self.broken_at is None else min(now, self.broken_at)
        periods = max(0.0, until - self.first_snapshot_at) // SNAPSHOT_EVERY_SECONDS
        regular = self.first_snapshot_at + periods * SNAPSHOT_EVERY_SECONDS
        return max(regular, self.forced_snapshot_at or 0.0)

    def is_up_to_date(self, now: float) -> bool:
        """Whether a launch now can take a snapshot of the present; else its job log says USING_PREVIOUS_SNAPSHOT."""
        lag = self.lag_seconds(now)
        behind = lag is None or lag > STALE_LAG_SECONDS or self.backlog_bytes(now) > 0
        return not behind and self.state(now) == "CONTINUOUS"

    # What calls and faults change.

    def _halt(self, mode: str, now: float) -> None:
        self.accrued_seconds, self.since = self.active_seconds(now), now
        self.mode, self.detour = mode, []
        if self.first_snapshot_at is not None and self.broken_at is None:
            self.broken_at = now

    def start(self, now: float) -> None:
        """From nothing: a full initial sync; the snapshots of before are gone."""
        self.mode, self.accrued_seconds, self.since, self.started_at = "running", 0.0, now, now
        self.first_snapshot_at = self.forced_snapshot_at = self.broken_at = None
        self.detour, self.error, self.state_override = [], None, None

    def pause(self, now: float) -> None:
        self._halt("paused", now)

    def resume(self, now: float) -> None:
        self._go_on(now, [("BACKLOG", CATCH_UP_SECONDS)])

    def stall(self, error: str, now: float, until: float | None = None) -> None:
        if self.mode == "running":
            self._halt("stalled", now)
        self.mode, self.error, self.stalled_until = "stalled", error, until

    def recover(self, now: float) -> None:
        """The cause is gone by itself: what was missed is scanned."""
        self._go_on(now, [("RESCAN", RESCAN_SECONDS)])

    def retry(self, now: float) -> None:
        self._go_on(now, [("INITIATING", RETRY_INITIATION_SECONDS), ("RESCAN", RESCAN_SECONDS)])

    def _go_on(self, now: float, steps: list[tuple[str, float]]) -> None:
        self.mode, self.since, self.error, self.stalled_until = "running", now, None, None
        self.detour = []
        if self.first_snapshot_at is not None:
            until = now
            for name, seconds in steps:
                until += seconds
                self.detour.append((name, until))

    def stop(self, now: float) -> None:
        """Snapshots and staging volumes are deleted."""
        self._halt("stopped", now)
        self.first_snapshot_at = self.forced_snapshot_at = self.broken_at = None
        self.error = self.state_override = None

    def disconnect(self, now: float) -> None:
        self._halt("disconnected", now)
        self.error = self.state_override = None

    def show_as(self, state: str | None, now: float) -> None:
        """Shows any state on request (control API); CONTINUOUS or None ends it."""
        if state in (None, "CONTINUOUS"):
            self.state_override = None
            if self.mode in ("paused", "stalled"):
                self.mode, self.since = "running", now
            self.error, self.broken_at, self.detour = None, None, []
            return
        self.state_override = state
        if self.broken_at is None and self.first_snapshot_at is not None:
            self.broken_at = now
