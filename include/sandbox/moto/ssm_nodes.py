"""Managed nodes and Run Command as Systems Manager has them: moto 5.2.5 knows no nodes and refuses no command.

Every source server of the estate has a node (``mi-…``), every running instance is one (``i-…``). A command is delivered
when the node's agent answers, runs for ``seconds_to_run`` and ends as ``ends_as`` says; times are the sandbox clock's.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2 import ec2_backends
from moto.ssm.models import ssm_backends

SOURCE_TAG = "AWSApplicationMigrationServiceSourceServerID"
_DELIVERY_MARGIN_SECONDS = 0.001
RUNNING = frozenset({"Pending", "InProgress", "Cancelling"})


@dataclass
class Node:
    """One managed node; tests change its members.

    :param now: epoch seconds.
    :param ran: the commands that began on it, in their order.
    """

    instance_id: str
    computer_name: str
    ip_address: str
    platform: str = "Linux"
    ping_status: str = "Online"
    now: Callable[[], float] = time.time
    seconds_to_run: float = 0.0
    ends_as: str = "Success"
    error_output: str = ""
    output: str = ""
    ran: list[list[str]] = field(default_factory=list)

    def as_answer(self) -> dict[str, Any]:
        is_ours = self.instance_id.startswith("mi-")
        return {
            "InstanceId": self.instance_id,
            "PingStatus": self.ping_status,
            "LastPingDateTime": self.now(),
            "AgentVersion": "3.3.1611.0",
            "PlatformType": self.platform,
            "PlatformName": "Microsoft Windows Server 2019"
            if self.platform == "Windows"
            else "Red Hat Enterprise Linux",
            "ResourceType": "ManagedInstance" if is_ours else "EC2Instance",
            "IPAddress": self.ip_address,
            "ComputerName": self.computer_name,
            **({"ActivationId": str(uuid.UUID(int=1)), "IamRole": "SSMServiceRole"} if is_ours else {}),
        }


@dataclass
class Sent:
    """One command on one node."""

    node: Node
    commands: list[str]
    document: str
    comment: str
    sent_at: float
    delivery_seconds: float
    execution_seconds: float
    command_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "Pending"
    began_at: float | None = None

    def settle(self) -> None:
        """What became of it by now; called before every answer, and when the agent comes back."""
        now, node = self.node.now(), self.node
        if self.status == "Pending":
            if now > self.sent_at + self.delivery_seconds:
                self.status = "TimedOut"
            elif node.ping_status == "Online" and now > self.sent_at + _DELIVERY_MARGIN_SECONDS:
                self.status, self.began_at = "InProgress", now
                node.ran.append(self.commands)
        if self.status == "Cancelling" and node.ping_status == "Online":
            self.status = "Cancelled"
        if self.status in ("InProgress", "Cancelling") and self.began_at is not None:
            self._settle_running(now)

    def _settle_running(self, now: float) -> None:
        began = self.began_at or now
        if now > self.sent_at + self.delivery_seconds + self.execution_seconds:
            self.status = "TimedOut"
            return
        is_over = now >= began + min(self.node.seconds_to_run, self.execution_seconds)
        if is_over and self.node.ping_status == "Online" and self.status == "InProgress":
            too_long = self.node.seconds_to_run > self.execution_seconds
            self.status = "TimedOut" if too_long else self.node.ends_as

    def cancel(self) -> None:
        self.settle()
        if self.status == "Pending":
            self.status = "Cancelled"
        elif self.status == "InProgress":
            self.status = "Cancelled" if self.node.ping_status == "Online" else "Cancelling"


def node_id_of(server_id: str) -> str:
    """Of the managed node that a source server of the estate has."""
    return "mi-" + hashlib.sha256(server_id.encode()).hexdigest()[:17]


def kept(account_id: str, region: str) -> tuple[dict[str, Node], dict[str, Sent]]:
    """Nodes and commands by id. They live with moto's backend: a reset takes them along."""
    own = vars(ssm_backends[account_id][region])
    return own.setdefault("_nodes", {}), own.setdefault("_sent", {})


def add_node(node: Node, account_id: str = DEFAULT_ACCOUNT_ID, region: str = "us-east-1") -> Node:
    kept(account_id, region)[0][node.instance_id] = node
    return node


def nodes_of(account_id: str, region: str) -> dict[str, Node]:
    """All nodes; a running instance becomes one when it is first asked for, and is one no more when it is gone."""
    nodes, _ = kept(account_id, region)
    running: dict[str, Any] = {}
    for reservation in ec2_backends[account_id][region].reservations.values():
        running |= {one.id: one for one in reservation.instances if one.state == "running"}
    for gone in [one for one in nodes if one.startswith("i-") and one not in running]:
        del nodes[gone]
    for instance_id, instance in running.items():
        if instance_id not in nodes:
            nodes[instance_id] = _node_of_instance(instance, nodes)
    return nodes


def _node_of_instance(instance: Any, nodes: dict[str, Node]) -> Node:
    """A launched instance has the name and the platform of its source, and an address of its own."""
    tags = {one["key"]: one["value"] for one in instance.get_tags()}
    source = nodes.get(node_id_of(tags.get(SOURCE_TAG, "")))
    address = str(instance.private_ip or "")
    if source is None:
        return Node(instance.id, tags.get("Name", instance.id), address)
    return Node(instance.id, source.computer_name, address, source.platform, now=source.now)
