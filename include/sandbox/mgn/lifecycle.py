"""The lifecycle rules: which call is allowed when, and what it makes of the server.

Source: API Reference, ChangeServerLifeCycleState, StartTest, StartCutover, FinalizeCutover and the data type
LifeCycle. Which calls MGN refuses in which state it does not list: that is as observed.

Every function works on settled servers, under the account's lock, and raises before it changes anything.
"""

from __future__ import annotations

from typing import Any

from include.sandbox.mgn.account import Account
from include.sandbox.mgn.errors import ConflictError, QuotaError, ValidationError, refused
from include.sandbox.mgn.estate import CONNECTED, ENDED, Server
from include.sandbox.mgn.replication import REPLICATING

# (from, to) of ChangeServerLifeCycleState; "already there" is refused too.
CHANGES = frozenset(
    {
        ("TESTING", "READY_FOR_CUTOVER"),
        ("READY_FOR_TEST", "READY_FOR_CUTOVER"),
        ("TESTING", "READY_FOR_TEST"),
        ("READY_FOR_CUTOVER", "READY_FOR_TEST"),
        ("CUTTING_OVER", "READY_FOR_CUTOVER"),
        ("DISCONNECTED", "CUTOVER"),
    }
)
START_TEST_FROM = frozenset({"READY_FOR_TEST", "TESTING"})
START_CUTOVER_FROM = frozenset({"READY_FOR_CUTOVER"})
TERMINATE_NOT_IN = frozenset({"TESTING", "CUTTING_OVER", "CUTOVER"})


def conflict(server: Server, reason: str, what: str) -> ConflictError:
    return refused("SourceServer", {server.server_id: reason}, what)


def require_idle(account: Account, server: Server, what: str) -> None:
    """:raises ConflictError: a job of this server is active."""
    job = account.active_job_of(server.server_id)
    if job:
        raise conflict(server, f"job {job.job_id} is active", what)


def change_state(account: Account, server: Server, wanted: str) -> None:
    what = "ChangeServerLifeCycleState"
    require_idle(account, server, what)
    state, now = server.lifecycle_state, account.clock.now()
    if (state, wanted) not in CHANGES:
        raise conflict(server, f"state {state} cannot be changed to {wanted}", what)
    # The one way without lag: CMF's DisconnectFromService, then CUTOVER.
    if state != "DISCONNECTED" and server.replication.lag_seconds(now) is None:
        raise conflict(server, "the server is not launchable (no lagDuration)", what)
    if wanted == "READY_FOR_TEST":
        server.last_test.reverted_at = now
    elif state == "CUTTING_OVER":
        server.last_cutover.reverted_at = now
    server.lifecycle_state = wanted


def finalize(account: Account, server: Server) -> None:
    """Needs CUTTING_OVER and the instance of that cutover: no undo exists."""
    what = "FinalizeCutover"
    require_idle(account, server, what)
    if server.lifecycle_state != "CUTTING_OVER":
        raise conflict(server, f"state is {server.lifecycle_state}, not CUTTING_OVER", what)
    if server.launched is None or server.launched.job_id != server.last_cutover.initiated_job_id:
        raise conflict(server, "there is no launched cutover instance", what)
    failed = [one for one in _actions_of(account, server) if one.get("executionStatus") != "SUCCESS"]
    if any(one["ssmDocument"].get("mustSucceedForCutover") for one in failed):
        raise conflict(server, "a post-launch action that must succeed did not", what)
    server.lifecycle_state = "CUTOVER"
    server.replication.disconnect(account.clock.now())


def _actions_of(account: Account, server: Server) -> list[dict[str, Any]]:
    job = account.jobs.get(server.launched.job_id) if server.launched else None
    found = [part.actions for part in job.participants if part.server_id == server.server_id] if job else []
    return found[0] if found else []


def disconnect(account: Account, server: Server) -> None:
    """CUTOVER stays CUTOVER; any other connected state becomes DISCONNECTED."""
    what = "DisconnectFromService"
    require_idle(account, server, what)
    if server.lifecycle_state not in CONNECTED | {"CUTOVER"}:
        raise conflict(server, f"a server in state {server.lifecycle_state} is not connected", what)
    if server.lifecycle_state != "CUTOVER":
        server.lifecycle_state = "DISCONNECTED"
    server.replication.disconnect(account.clock.now())


def archive(account: Account, server: Server) -> None:
    what = "MarkAsArchived"
    require_idle(account, server, what)
    if server.lifecycle_state not in ENDED:
        raise conflict(server, f"state is {server.lifecycle_state}, not DISCONNECTED or CUTOVER", what)
    if server.is_archived:
        raise conflict(server, "the server is archived already", what)
    server.is_archived = True


def delete(account: Account, server: Server) -> None:
    what = "DeleteSourceServer"
    require_idle(account, server, what)
    if server.lifecycle_state in CONNECTED:
        raise conflict(server, f"a server in state {server.lifecycle_state} is still connected", what)
    del account.servers[server.server_id]


def start_replication(account: Account, server: Server) -> None:
    what = "StartReplication"
    require_idle(account, server, what)
    if server.lifecycle_state not in ("DISCOVERED", "STOPPED"):
        raise conflict(server, f"state is {server.lifecycle_state}, not DISCOVERED or STOPPED", what)
    now = account.clock.now()
    replicating = sum(1 for one in account.all_servers() if one.replication.state(now) in REPLICATING)
    if replicating >= account.quotas.replicating_servers:
        raise QuotaError(
            "Active source servers quota exceeded", "ActiveSourceServers", account.quotas.replicating_servers
        )
    server.replication.start(now)
    server.lifecycle_state = "NOT_READY"


def stop_replication(account: Account, server: Server) -> None:
    what = "StopReplication"
    require_idle(account, server, what)
    if server.lifecycle_state not in CONNECTED - {"STOPPED"}:
        raise conflict(server, f"a server in state {server.lifecycle_state} does not replicate", what)
    server.replication.stop(account.clock.now())
    server.lifecycle_state = "STOPPED"


def pause_replication(account: Account, server: Server) -> None:
    require_idle(account, server, "PauseReplication")
    state = server.replication.state(account.clock.now())
    if state not in REPLICATING:
        raise conflict(server, f"replication is {state}", "PauseReplication")
    server.replication.pause(account.clock.now())


def resume_replication(account: Account, server: Server) -> None:
    require_idle(account, server, "ResumeReplication")
    state = server.replication.state(account.clock.now())
    if state != "PAUSED":
        raise conflict(server, f"replication is {state}, not PAUSED", "ResumeReplication")
    server.replication.resume(account.clock.now())


def retry_replication(account: Account, server: Server) -> None:
    """:raises ValidationError: the server is not stalled."""
    state = server.replication.state(account.clock.now())
    if state != "STALLED":
        raise ValidationError(f"RetryDataReplication: {server.server_id} is {state}, not STALLED")
    server.replication.retry(account.clock.now())


def start_refusal(account: Account, server: Server, allowed: frozenset[str]) -> str | None:
    """Why StartTest or StartCutover may not include this server, None when it may."""
    if server.is_archived:
        return "the server is archived"
    if server.lifecycle_state not in allowed:
        return f"state is {server.lifecycle_state}, not {' or '.join(sorted(allowed))}"
    if server.replication.lag_seconds(account.clock.now()) is None:
        return "the server is not launchable (no lagDuration)"
    job = account.active_job_of(server.server_id)
    return f"job {job.job_id} is active" if job else None


def terminate_refusal(account: Account, server: Server) -> str | None:
    """Why TerminateTargetInstances may not include this server, None when it may."""
    if server.lifecycle_state in TERMINATE_NOT_IN:
        return f"not possible in state {server.lifecycle_state}"
    job = account.active_job_of(server.server_id)
    if job:
        return f"job {job.job_id} is active"
    return None if server.launched else "there is no launched instance"
