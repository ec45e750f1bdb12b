"""Puts servers, applications and waves into MGN from a document: ``POST /_sandbox/estate`` and the seeds use the same.

    {"wave": "wave-9", "applications": [{"appName": "billing", "servers": 3}], "servers": [{"hostname": "old-ftp"}]}

``servers`` of an application is a number or a list of specs; all members of a spec have defaults (see README).
"""

from __future__ import annotations

import hashlib
import random
from typing import Any

from include.sandbox.mgn import groups
from include.sandbox.mgn.ec2_target import boot_seconds_range
from include.sandbox.mgn.estate import Job, Launched, LifecycleMarks, Machine, Participant, Server
from include.sandbox.mgn.replication import INITIATION_SECONDS, Disk, Replication
from include.sandbox.mgn.service import Context, Mgn, replication_settings
from include.sandbox.moto import ec2_status, ssm_nodes

GIB = 1024**3
DAY_SECONDS = 86_400.0
# Members of an application that belong to the wave conf, handed back as they came.
_CONF_MEMBERS = ("dependsOn", "impact", "checks")
_LINUX = "Linux version 4.18.0-477.el8.x86_64 (Red Hat Enterprise Linux 8.8)"
_ENDED_OR_ABSENT = {
    "CUTOVER": "disconnected",
    "DISCONNECTED": "disconnected",
    "STOPPED": "stopped",
    "DISCOVERED": "absent",
    "PENDING_INSTALLATION": "absent",
}


def seed_estate(mgn: Mgn, document: dict[str, Any]) -> dict[str, Any]:
    """Creates what the document says.

    :return: ``applications`` as a wave conf takes them, and ``wave``, ``mgnWaveId``, ``applicationIds``, ``serverIds``.
    """
    context = mgn.add_account(document.get("accountId", mgn.account_id))
    account = context.account
    with account.lock:
        wave_id = _wave(context, document)
        answer: dict[str, Any] = {"applications": [], "applicationIds": {}, "serverIds": []}
        for spec in document.get("applications", []):
            listed, application_id = _application(context, spec, wave_id)
            answer["applications"].append(listed)
            answer["applicationIds"][spec["appName"]] = application_id
            answer["serverIds"] += [one["sourceServerId"] for one in listed["servers"]]
        for spec in document.get("servers", []):
            answer["serverIds"].append(_server(context, spec, None).server_id)
        answer["managedInstanceIds"] = {one: ssm_nodes.node_id_of(one) for one in answer["serverIds"]}
    return answer | ({"wave": document["wave"], "mgnWaveId": wave_id} if wave_id else {})


def _wave(context: Context, document: dict[str, Any]) -> str | None:
    name = document.get("wave")
    if not name:
        return None
    for one in context.account.waves.values():
        if one.name == name:
            return one.group_id
    request = {"name": name, "description": document.get("description")}
    return groups.create(context.account, "wave", request, document.get("waveId")).group_id


def _application(context: Context, spec: dict[str, Any], wave_id: str | None) -> tuple[dict[str, Any], str]:
    account, name = context.account, spec["appName"]
    found = next((one for one in account.applications.values() if one.name == name), None)
    application = found or groups.create(account, "application", {"name": name}, spec.get("applicationId"))
    application.parent_id = wave_id or application.parent_id
    wanted = spec.get("servers", 1)
    if isinstance(wanted, int):
        start = len(account.servers_of(application.group_id)) + 1
        wanted = [{"hostname": f"{name}-{number:02d}"} for number in range(start, start + wanted)]
    common = {key: value for key, value in spec.items() if key in ("state", "replicationState", "disksGib", "os")}
    listed = []
    for one in wanted:
        server = _server(context, common | one, application.group_id)
        identity = {key: one[key] for key in ("migrationId", "cmdbId") if key in one}
        listed.append(identity | {"sourceServerId": server.server_id})
    conf = {key: spec[key] for key in _CONF_MEMBERS if key in spec}
    return {"appName": name, **conf, "servers": listed}, application.group_id


def _server(context: Context, spec: dict[str, Any], application_id: str | None) -> Server:
    account, mgn = context.account, context.mgn
    server_id = spec.get("sourceServerId") or account.new_id("s")
    if server_id in account.servers:
        raise ValueError(f"{server_id} exists already")
    machine = _machine(spec, server_id)
    state = spec.get("state", "READY_FOR_TEST")
    now = account.clock.now()
    server = Server(
        server_id,
        account.arn("source-server", server_id),
        machine,
        _replication(spec, state, now),
        state,
        added_at=now - 6 * DAY_SECONDS,
        tags={"Name": machine.hostname} | spec.get("tags", {}),
        is_archived=bool(spec.get("isArchived", False)),
        application_id=application_id,
        user_provided_id=spec.get("userProvidedId"),
    )
    template_id = mgn.ec2.create_launch_template(server_id, machine, mgn.network)
    server.launch_configuration = _launch_configuration(machine, template_id)
    server.replication_configuration = {"name": machine.hostname} | replication_settings(mgn.network)
    account.servers[server_id] = server
    if spec.get("managed", True):
        mgn.ec2.register_node(server_id, machine, mgn.account_id, context.clock.real)
    server.settle(now)
    if state in ("TESTING", "READY_FOR_CUTOVER", "CUTTING_OVER", "CUTOVER"):
        _add_history(context, server, bool(spec.get("launched", state in ("CUTTING_OVER", "CUTOVER"))))
    if spec.get("replicationState") == "STALLED":
        server.replication.stall(spec.get("error", "AGENT_NOT_SEEN"), now - float(spec.get("stalledSeconds", 7200)))
    elif spec.get("replicationState") == "PAUSED":
        server.replication.pause(now)
    return server


def _machine(spec: dict[str, Any], server_id: str) -> Machine:
    """Details nobody gave follow from the id, the same on every run."""
    chance = random.Random(server_id)
    hostname = spec.get("hostname", f"host-{server_id[2:8]}")
    digest = hashlib.sha256(server_id.encode()).digest()
    return Machine(
        hostname,
        spec.get("fqdn", f"{hostname}.corp.example.com"),
        spec.get("os", _LINUX),
        spec.get("ip", f"10.20.{digest[0]}.{digest[1] % 253 + 2}"),
        "00:50:56:" + ":".join(f"{byte:02x}" for byte in digest[2:5]),
        spec.get("cores", chance.choice((2, 4, 8))),
        int(spec.get("ramGib", chance.choice((8, 16, 32))) * GIB),
        spec.get("instanceType", chance.choice(("t3.large", "m5.large", "m5.xlarge"))),
    )


def _replication(spec: dict[str, Any], state: str, now: float) -> Replication:
    sizes = spec.get("disksGib", [40, 100])
    names = ("/dev/sda", "/dev/sdb", "/dev/sdc", "/dev/sdd", "/dev/sde", "/dev/sdf")
    if "windows" in spec.get("os", "").lower():
        names = ("c:0", "d:1", "e:2", "f:3", "g:4", "h:5")
    disks = [Disk(names[index], int(size * GIB), index == 0) for index, size in enumerate(sizes)]
    replication = Replication(disks, since=now)
    replication.mode = _ENDED_OR_ABSENT.get(state, "running")
    if replication.mode == "absent":
        return replication
    if state == "NOT_READY":
        share = float(spec.get("syncedPercent", 50)) / 100
        replication.accrued_seconds = INITIATION_SECONDS + replication.sync_seconds * share
    else:
        replication.accrued_seconds = replication.first_snapshot_seconds + 5 * DAY_SECONDS
        if replication.mode == "running":
            replication.first_snapshot_at = now - 5 * DAY_SECONDS
    replication.started_at = now - replication.accrued_seconds
    return replication


def _launch_configuration(machine: Machine, template_id: str) -> dict[str, Any]:
    return {
        "name": machine.hostname,
        "ec2LaunchTemplateID": template_id,
        "launchDisposition": "STARTED",
        "targetInstanceTypeRightSizingMethod": "BASIC",
        "copyPrivateIp": False,
        "copyTags": True,
        "licensing": {"osByol": True},
        "bootMode": "USE_SOURCE",
        "postLaunchActions": {},
        "enableMapAutoTagging": False,
    }


def _add_history(context: Context, server: Server, with_instance: bool) -> None:
    """The jobs a server must have had to be in its state, over for a day; the last one's instance when it is wanted."""
    account, now = context.account, context.clock.now()
    last: Job | None = None
    for initiated_by, days, states in (
        ("START_TEST", 2.0, ("TESTING", "READY_FOR_CUTOVER", "CUTTING_OVER", "CUTOVER")),
        ("START_CUTOVER", 1.0, ("CUTTING_OVER", "CUTOVER")),
    ):
        if server.lifecycle_state not in states:
            continue
        at, job_id = now - days * DAY_SECONDS, account.new_id("mgnjob")
        part = Participant(server.server_id, "LAUNCHED")
        last = Job(job_id, account.arn("job", job_id), "LAUNCH", initiated_by, at, [part], {}, "COMPLETED", at + 400)
        last.note(at + 10, "JOB_START")
        last.note(at + 400, "JOB_END")
        account.jobs[job_id] = last
        marks = LifecycleMarks(initiated_at=at, initiated_job_id=job_id)
        setattr(server, "last_test" if initiated_by == "START_TEST" else "last_cutover", marks)
    if last is not None and with_instance:
        instance_id = context.mgn.ec2.launch(server, last)
        boots_at = last.created_at + 400 + boot_seconds_range(server.machine)[0]
        ec2_status.register(instance_id, ec2_status.BootRecord(context.clock.now, boots_at))
        server.launched = Launched(instance_id, last.job_id, last.created_at + 400, boots_at)
        last.participants[0].instance_id = instance_id
