"""Terminates launched instances once only. They count as gone when EC2 says so, whatever the job says."""

from __future__ import annotations

from migration_ops.aws.mgn.hook import chunks, classified
from migration_ops.aws.mgn.jobs import JobView
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import StepFailedError, StepTimedOutError
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.at_most_once import launch_once
from migration_ops.wave.launching.carry import Claims, TerminationCarry
from migration_ops.wave.launching.intents import NOTHING_HAPPENED, LaunchState, with_outcome
from migration_ops.wave.launching.job_lookup import Action, has_unsettled_intent
from migration_ops.wave.launching.reconcile import reconcile
from migration_ops.wave.records import wait_until, write
from migration_ops.wave.services import Services
from migration_ops.wave.waits.feeds import MAX_FILTER_VALUES, instance_statuses
from migration_ops.wave.waits.outcome import Topic, Wait

# The tag that MGN puts on the instances that it launches.
SERVER_TAG = "AWSApplicationMigrationServiceSourceServerID"
_NAME = Action.TERMINATE.value
_GONE = frozenset({"terminated"})
# launchStatus of a TERMINATE job: the instance survived, for example by its termination protection.
_SURVIVED = frozenset({"FAILED"})


def claims_of(records: list[Record], views: dict[str, ServerView]) -> Claims:
    """Instance ids per source server: the one MGN names and the one the ledger remembers."""
    return {
        r.source_server_id: sorted({i for i in (views[r.source_server_id].launched_instance_id, r.instance_id) if i})
        for r in records
    }


def instances_alive(services: Services, claims: Claims) -> dict[str, set[str]]:
    """The claimed instances that EC2 does not show as terminated, per source server."""
    claimed = {server: set(ids) for server, ids in claims.items()}
    every = sorted(set().union(*claimed.values()))
    if not every:
        return {}
    states = {one: status.get("state") for one, status in instance_statuses(services.client("ec2"), every).items()}
    alive = {one for one, state in states.items() if state not in _GONE}
    return {server: ids & alive for server, ids in claimed.items() if ids & alive}


def instances_left(services: Services, server_ids: list[str]) -> dict[str, list[str]]:
    """Instances that MGN ever launched for these servers and that still run, whether or not MGN still names them.

    A launch that could not remove the previous instance (termination protection) leaves one that nobody names.
    """
    return {server: list(states) for server, states in instances_by_tag(services, server_ids).items()}


def instances_by_tag(services: Services, server_ids: list[str]) -> dict[str, dict[str, str]]:
    """State by instance id per source server, of all instances with the server's tag that are not terminated or
    shutting down, whoever launched them; a server without any is absent (EC2 DescribeInstances)."""
    found: dict[str, dict[str, str]] = {}
    states = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
    for chunk in chunks(server_ids, MAX_FILTER_VALUES):
        filters = [{"Name": f"tag:{SERVER_TAG}", "Values": chunk}, states]
        with classified(mutating=False):
            for page in services.client("ec2").get_paginator("describe_instances").paginate(Filters=filters):
                for instance in (one for reservation in page["Reservations"] for one in reservation["Instances"]):
                    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags") or []}
                    state = str((instance.get("State") or {}).get("Name") or "state not given")
                    found.setdefault(tags.get(SERVER_TAG, "unknown"), {})[instance["InstanceId"]] = state
    return found


def terminate(
    services: Services,
    records: list[Record],
    claims: Claims,
    looked_since: float | None,
    deadline: float,
    app_name: str,
) -> Wait | None:
    """The next wait until no instance is left; None when EC2 shows none (``closed`` then ends the intents).

    Every wait that it returns carries a ``TerminationCarry``.

    :param looked_since: from the carry of the wait that just ended.
    :param deadline: epoch seconds.
    :raises RefusedError: MGN refused to terminate (see the error's hint).
    :raises StepFailedError: an instance survived its job; the next attempt is a new one.
    :raises StepTimedOutError: the deadline passed with instances left.
    """
    alive = instances_alive(services, claims)
    if not alive:
        return None
    todo = [record for record in records if record.source_server_id in alive]
    found = reconcile(services, todo, Action.TERMINATE, looked_since)
    if found.wait_until is not None:
        return _pause(services, found, claims, deadline, app_name)
    over = _over(services, found.records)
    if over:
        _refuse_survivors(services, found.records, over, alive)
        # EC2 shows "shutting-down" for a while after the job is over.
        going = LaunchState([], {}, 0.0, f"instances {_names(alive)} go down")
        return _pause(services, going, claims, deadline, app_name)
    sent = launch_once(services, found.records, Action.TERMINATE, None)
    if sent.wait_until is not None:
        return _pause(services, sent, claims, deadline, app_name)
    return _wait_for_jobs(services, sent, claims, deadline, app_name)


def _wait_for_jobs(services: Services, sent: LaunchState, claims: Claims, deadline: float, app_name: str) -> Wait:
    jobs = tuple(sorted(set(sent.jobs.values())))
    _require_time(services, deadline, app_name, f"jobs {', '.join(jobs)}")
    return Wait(
        topic=Topic.JOBS,
        subjects=jobs,
        until={},
        poll_seconds=services.settings.job_poll_seconds,
        deadline=deadline,
        why=f"TERMINATE of {app_name}: {', '.join(jobs)}",
        carry=TerminationCarry(deadline, instances=claims).as_document(),
    )


def closed(records: list[Record]) -> list[Record]:
    """The records with the intents of their termination ended, once EC2 shows no instance.

    An intent of which nothing happened is ended too: it must not count for the termination of a later instance.
    """
    mine = [record for record in records if has_unsettled_intent(record, Action.TERMINATE) or _came_to_nothing(record)]
    return with_outcome(records, Action.TERMINATE, {record.source_server_id: "TERMINATED" for record in mine})


def _came_to_nothing(record: Record) -> bool:
    intent = record.intents.get(_NAME)
    return intent is not None and intent.outcome == NOTHING_HAPPENED


def _over(services: Services, records: list[Record]) -> dict[str, JobView]:
    """Jobs of ours that are over, by id."""
    ours = sorted({str(r.intents[_NAME].job_id) for r in records if has_unsettled_intent(r, Action.TERMINATE)})
    return {job_id: job for job_id, job in services.mgn.describe_jobs(ours).items() if job.is_over} if ours else {}


def _refuse_survivors(
    services: Services, records: list[Record], over: dict[str, JobView], alive: dict[str, set[str]]
) -> None:
    survivors = [
        record
        for record in records
        if has_unsettled_intent(record, Action.TERMINATE)
        and (job := over.get(str(record.intents[_NAME].job_id))) is not None
        and job.launch_status.get(record.source_server_id) in _SURVIVED
    ]
    if not survivors:
        return
    failed = with_outcome(survivors, Action.TERMINATE, {record.source_server_id: "FAILED" for record in survivors})
    write(services, survivors, failed, event="TERMINATE judged", detail={"instances": _names(alive)})
    raise StepFailedError(
        "MGN could not terminate these instances; look at their termination protection",
        instances={r.source_server_id: sorted(alive[r.source_server_id]) for r in survivors},
    )


def _pause(services: Services, sent: LaunchState, claims: Claims, deadline: float, app_name: str) -> Wait:
    _require_time(services, deadline, app_name, sent.why)
    carry = TerminationCarry(deadline, sent.looked_since, claims)
    return wait_until(services, float(sent.wait_until or 0), f"{app_name}: {sent.why}", deadline, carry)


def _require_time(services: Services, deadline: float, app_name: str, what: str) -> None:
    if services.epoch() >= deadline:
        raise StepTimedOutError("the instances did not go away in time", appName=app_name, waiting=what)


def _names(alive: dict[str, set[str]]) -> list[str]:
    return sorted(set().union(*alive.values()))
