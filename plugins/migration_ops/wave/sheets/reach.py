"""What an approval reaches: where the wave acts, and what it runs on source servers. Plain documents for the sheets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from migration_ops.aws.mgn.hook import classified
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import MigrationError
from migration_ops.core.policy import Policy
from migration_ops.core.redaction import redacted_text
from migration_ops.wave.conf.parts import DOCUMENT_BY_PLATFORM
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.rules.source_node import platform_of
from migration_ops.wave.services import Services

_MOST_COMMANDS, _MOST_CHARACTERS = 10, 200
Views = Mapping[str, ServerView]


def reach_of(services: Services, plan: WavePlan) -> dict[str, Any]:
    """
    Account, Region, connection, host of the callback, whether the CMDB is written, how many hours an approval is valid.

    The account is the one that the connection leads to now (STS GetCallerIdentity); when it is unknown,
    ``accountUnknownBecause`` says why.
    """
    account, why = _account(services)
    return {
        "accountId": account,
        "accountUnknownBecause": why,
        "region": plan.conf.region or _region(services),
        "awsConnId": plan.conf.aws_conn_id,
        # The path of a callback may hold a secret of its receiver.
        "callbackHost": urlsplit(plan.conf.callback_url).hostname if plan.conf.callback_url else None,
        "writesCmdb": plan.conf.cmdb.enabled,
        "approvalValidHours": Policy.of(services.settings).approval_valid_hours,
    }


def source_commands_of(plan: WavePlan, views: Views, apps: Iterable[str] | None = None) -> dict[str, Any] | None:
    """
    What ``quiesce`` runs, by platform and document, with the nodes; None when the conf stops nothing.

    Commands are shown shortened and without secrets; the plan's hash covers them in full.

    :param apps: names of the applications that may be cut over; None: all of the plan.
    """
    spec = plan.conf.quiesce
    if spec is None:
        return None
    groups: dict[tuple[str, str, str], list[dict[str, str | None]]] = {}
    names = None if apps is None else set(apps)
    mine = [one for one in plan.applications if names is None or one.app_name in names]
    for server_id in [one for app in mine for one in app.server_ids]:
        view = views.get(server_id)
        known = platform_of(view, None)
        node = {"hostName": view.hostname if view else None, "instanceId": spec.instance_ids.get(server_id)}
        # MGN does not say: SSM will, and what it then runs must have been seen by whoever approved.
        for platform in [known] if known else DOCUMENT_BY_PLATFORM:
            shown = platform if known else f"{platform}, if SSM says so"
            group = (shown, platform, spec.document_for(server_id, platform))
            groups.setdefault(group, []).append({"sourceServerId": server_id, **node})
    return {
        "timeoutMinutes": spec.timeout_minutes,
        "groups": [
            {
                "platform": shown,
                "documentName": document,
                "commands": _shown(spec.commands_for(platform)[0]),
                "undoCommands": _shown(spec.commands_for(platform)[1]),
                "servers": servers,
            }
            for (shown, platform, document), servers in groups.items()
        ],
    }


def _account(services: Services) -> tuple[str | None, str | None]:
    try:
        with classified(mutating=False):
            found = services.client("sts").get_caller_identity().get("Account")
    except MigrationError as error:
        return None, f"[{error.code}] {error.message}"[:200]
    return (str(found), None) if found else (None, "STS named no account")


def _region(services: Services) -> str | None:
    """The Region of the STS client, which exists already: the account was asked with it."""
    return getattr(getattr(services.client("sts"), "meta", None), "region_name", None)


def _shown(commands: tuple[str, ...]) -> list[str]:
    shown = [_shown_text(one) for one in commands[:_MOST_COMMANDS]]
    more = len(commands) - len(shown)
    return [*shown, f"… and {more} more, as the conf of the run has them"] if more else shown


def _shown_text(command: str) -> str:
    text = redacted_text(command)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}… ({len(command)} characters)"
