"""MGN in process: the sandbox's own account, rules and jobs behind the real hook, without HTTP.

States, refusals, jobs, launch status and tags are those of ``include/sandbox/mgn``: a second model of MGN might be less
strict.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from include.sandbox.faults import FaultBook
from include.sandbox.mgn import operations
from include.sandbox.mgn.errors import MgnError
from include.sandbox.mgn.service import OPERATIONS, Mgn
from include.sandbox.seeding import seed_estate
from include.simulation.ec2 import NETWORK, SimulatedEc2
from include.simulation.faults import ReadKind
from include.simulation.table import client_error
from include.simulation.world import World
from migration_ops.aws.mgn.hook import MgnHook

__all__ = ["MgnClient", "hook_on", "make_mgn", "operations"]

ACCOUNT, REGION = "123456789012", "eu-central-1"
_READS = {
    "describe_source_servers": "DescribeSourceServers",
    "describe_jobs": "DescribeJobs",
    "describe_job_log_items": "DescribeJobLogItems",
    "list_waves": "ListWaves",
    "list_applications": "ListApplications",
}
_PAGE = 1_000


def make_mgn(world: World, ec2: SimulatedEc2, book: FaultBook, seed: int) -> Mgn:
    """The service of one account; its jobs run on the world's time."""
    mgn = Mgn(ACCOUNT, REGION, world.clock, book, ec2, NETWORK, seed=seed)
    world.jobs.append((mgn.own.launches.run_due, mgn.own.launches.next_due))
    return mgn


def add_applications(mgn: Mgn, applications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Seeds servers; returns the applications as in a wave's conf."""
    listed: list[dict[str, Any]] = seed_estate(mgn, {"applications": applications})["applications"]
    return listed


class MgnClient:
    """The calls of ``boto3.client("mgn")`` that a wave makes.

    :param shows_tags: whether MGN's answers have the tags of jobs.
    """

    def __init__(self, world: World, mgn: Mgn, *, shows_tags: bool = True) -> None:
        self._world, self._mgn, self._shows_tags = world, mgn, shows_tags
        self.clock = world.clock

    # Reads

    def get_paginator(self, operation: str) -> Any:
        name = _READS[operation]

        def paginate(PaginationConfig: Any = None, **request: Any) -> Iterator[dict[str, Any]]:
            yield self._world.read(name, lambda kind: self._read(name, request, kind))

        return SimpleNamespace(paginate=paginate)

    def get_launch_configuration(self, *, sourceServerID: str) -> dict[str, Any]:
        request = {"sourceServerID": sourceServerID}
        answer: dict[str, Any] = self._world.read(
            "GetLaunchConfiguration", lambda kind: self._handled("GetLaunchConfiguration", request)
        )
        return answer

    def _read(self, name: str, request: dict[str, Any], kind: ReadKind | None) -> dict[str, Any]:
        answer = self._handled(name, request | {"maxResults": _PAGE})
        if name == "DescribeSourceServers":
            answer = {"items": [one for one in answer["items"] if self._known(one, kind)]}
        elif name == "DescribeJobs" and not self._shows_tags:
            answer = {"items": [{**one, "tags": {}} for one in answer["items"]]}
        return answer

    def _known(self, item: dict[str, Any], kind: ReadKind | None) -> bool:
        """Applies the fault to the item, and notes for the watcher whether it allows a verdict."""
        actor, server = self._world.actor, item["sourceServerID"]
        if actor is not None:
            (actor.unknown.add if kind else actor.unknown.discard)(server)
            actor.seen_at[server] = self._world.events
        if kind is ReadKind.BLANK:
            item["dataReplicationInfo"].pop("lagDuration", None)
            item.get("launchedInstance", {}).pop("firstBoot", None)
        return kind is not ReadKind.ABSENT

    def _handled(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return OPERATIONS[name](self._mgn.own, request) or {}
        except MgnError as error:
            found = client_error(error.type_name, name, error.message)
            found.response.update(error.members)  # type: ignore[typeddict-item]
            raise found from error

    # Calls that change something

    def _send(self, name: str, servers: list[str], request: dict[str, Any]) -> dict[str, Any]:
        tags = request.get("tags")
        answer: dict[str, Any] = self._world.send("mgn", name, servers, lambda: self._handled(name, request), tags)
        return answer

    def start_test(self, *, sourceServerIDs: list[str], tags: dict[str, str]) -> Any:
        return self._send("StartTest", sourceServerIDs, {"sourceServerIDs": sourceServerIDs, "tags": tags})

    def start_cutover(self, *, sourceServerIDs: list[str], tags: dict[str, str]) -> Any:
        return self._send("StartCutover", sourceServerIDs, {"sourceServerIDs": sourceServerIDs, "tags": tags})

    def terminate_target_instances(self, *, sourceServerIDs: list[str], tags: dict[str, str]) -> Any:
        request = {"sourceServerIDs": sourceServerIDs, "tags": tags}
        return self._send("TerminateTargetInstances", sourceServerIDs, request)

    def change_server_life_cycle_state(self, *, sourceServerID: str, lifeCycle: dict[str, str]) -> Any:
        request = {"sourceServerID": sourceServerID, "lifeCycle": lifeCycle}
        return self._send("ChangeServerLifeCycleState", [sourceServerID], request)

    def finalize_cutover(self, *, sourceServerID: str) -> Any:
        return self._send("FinalizeCutover", [sourceServerID], {"sourceServerID": sourceServerID})


def hook_on(client: MgnClient) -> MgnHook:
    """The package's own hook with this client: parsing and classification of errors are real."""
    hook = MgnHook.__new__(MgnHook)
    hook.__dict__.update(conn=client, mutating_conn=client, _clock=client.clock.moment)
    return hook
