"""The MGN service of one sandbox: its accounts, and the registry of the operations it simulates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from include.sandbox.clock import Clock
from include.sandbox.faults import FaultBook
from include.sandbox.mgn.account import Account
from include.sandbox.mgn.ec2_target import Ec2Target, Network
from include.sandbox.mgn.errors import AccessDeniedError
from include.sandbox.mgn.launches import Launches


@dataclass
class Context:
    """What an operation works on."""

    account: Account
    launches: Launches
    mgn: Mgn

    @property
    def clock(self) -> Clock:
        return self.account.clock


Handler = Callable[[Context, dict[str, Any]], dict[str, Any] | None]
OPERATIONS: dict[str, Handler] = {}


def operation(name: str) -> Callable[[Handler], Handler]:
    """Registers a function as the operation of that name."""

    def register(handler: Handler) -> Handler:
        OPERATIONS[name] = handler
        return handler

    return register


class Mgn:
    """Accounts by id; the first is the caller's own, the others are managed accounts (``accountID``)."""

    def __init__(
        self,
        account_id: str,
        region: str,
        clock: Clock,
        book: FaultBook,
        ec2: Ec2Target,
        network: Network,
        *,
        is_initialized: bool = True,
        seed: int = 0,
    ) -> None:
        self.account_id, self.region, self.clock, self.faults = account_id, region, clock, book
        self.ec2, self.network, self._seed = ec2, network, seed
        self.contexts: dict[str, Context] = {}
        self.add_account(account_id, is_initialized)

    def add_account(self, account_id: str, is_initialized: bool = True) -> Context:
        """The account's context, made when it does not exist."""
        if account_id not in self.contexts:
            account = Account(account_id, self.region, self.clock, is_initialized, seed=self._seed)
            account.launch_templates = {"": _launch_template(account)}
            account.replication_templates = {"": _replication_template(account, self.network)}
            self.contexts[account_id] = Context(account, Launches(account, self.ec2, self.faults), self)
        return self.contexts[account_id]

    @property
    def own(self) -> Context:
        return self.contexts[self.account_id]

    def context(self, account_id: str | None) -> Context:
        """:raises AccessDeniedError: not the caller's account and not one it manages."""
        found = self.contexts.get(account_id or self.account_id)
        if found is None:
            raise AccessDeniedError(f"Account {account_id} is not managed by {self.account_id}")
        return found

    def run_due(self) -> None:
        for context in list(self.contexts.values()):
            context.launches.run_due()


def _launch_template(account: Account) -> dict[str, Any]:
    template_id = account.new_id("lct")
    return {
        "launchConfigurationTemplateID": template_id,
        "arn": account.arn("launch-configuration-template", template_id),
        "launchDisposition": "STARTED",
        "targetInstanceTypeRightSizingMethod": "BASIC",
        "copyPrivateIp": False,
        "associatePublicIpAddress": False,
        "copyTags": True,
        "licensing": {"osByol": True},
        "bootMode": "USE_SOURCE",
        "enableMapAutoTagging": False,
        "tags": {},
    }


def _replication_template(account: Account, network: Network) -> dict[str, Any]:
    template_id = account.new_id("rct")
    return {
        "replicationConfigurationTemplateID": template_id,
        "arn": account.arn("replication-configuration-template", template_id),
        "tags": {},
    } | replication_settings(network)


def replication_settings(network: Network) -> dict[str, Any]:
    """What servers and templates replicate with by default."""
    return {
        "stagingAreaSubnetId": network.staging_subnet_id,
        "associateDefaultSecurityGroup": True,
        "replicationServersSecurityGroupsIDs": [network.security_group_id],
        "replicationServerInstanceType": "t3.small",
        "useDedicatedReplicationServer": False,
        "defaultLargeStagingDiskType": "GP3",
        "ebsEncryption": "DEFAULT",
        "bandwidthThrottling": 0,
        "dataPlaneRouting": "PRIVATE_IP",
        "createPublicIP": False,
        "stagingAreaTags": {},
        "useFipsEndpoint": False,
    }
