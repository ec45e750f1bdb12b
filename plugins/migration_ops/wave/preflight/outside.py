"""Preflight of what lies outside MGN: CMDB, callback, change calendars, change window, sources to quiesce."""

from __future__ import annotations

from migration_ops.core.errors import MigrationError
from migration_ops.core.policy import Policy
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.integrations.cmdb.protocol import CmdbServer
from migration_ops.integrations.errors import NameNotResolvedError
from migration_ops.wave.command_targets import ask_document, targets_of_conf
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.preflight.facts import Facts, known
from migration_ops.wave.rules.outside import identity_of
from migration_ops.wave.services import Services
from migration_ops.wave.steps.cutover_window import window_check
from migration_ops.wave.waits.feeds import calendar_states


def cmdb(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """The CMDB answers, and knows every server that names a ``cmdbId``. Servers without one are not checked."""
    if not plan.conf.cmdb.enabled:
        return []
    views = facts.views if isinstance(facts.views, dict) else {}
    wanted = [
        CmdbServer(
            server.migration_id,
            server.cmdb_id,
            server.source_server_id,
            identity_of(views.get(server.source_server_id), plan.wave),
        )
        for app in plan.applications
        for server in app.servers
        if server.cmdb_id
    ]
    if not wanted:
        return [GateResult("cmdb", plan.wave, Verdict.OK, reason="no server names a cmdbId; the CMDB is not updated")]
    client = services.cmdb()
    probe = client.probe()
    return [probe] if probe.verdict is not Verdict.OK else [probe, *client.find(wanted).values()]


def callback(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """The callback URL may be called."""
    url = plan.conf.callback_url
    if not url:
        return []
    try:
        services.check_callback_url(url)
    except NameNotResolvedError as error:
        return [GateResult("callback", "callbackUrl", Verdict.UNKNOWN, reason=str(error))]
    except MigrationError as error:
        return [GateResult("callback", "callbackUrl", Verdict.BLOCKED, reason=str(error))]
    return [GateResult("callback", "callbackUrl", Verdict.OK)]


def change_calendars(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """Each change calendar can be read; whether it is open now does not matter yet."""
    names = list(plan.conf.cutover_window.change_calendars)
    if not names:
        return []
    states = calendar_states(services.client("ssm"), names)
    return [_calendar_check(name, name in states, states.get(name)) for name in names]


def _calendar_check(name: str, exists: bool, state: str | None) -> GateResult:
    if not exists:
        return GateResult("change calendar", name, Verdict.BLOCKED, None, "OPEN or CLOSED", "SSM does not know it")
    known = state in ("OPEN", "CLOSED")
    reason = "" if known else "SSM did not say its state"
    return GateResult(
        "change calendar", name, Verdict.OK if known else Verdict.UNKNOWN, state, "OPEN or CLOSED", reason
    )


def cutover_window(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """The change window is not over. One that has not opened yet is waited for."""
    return [window_check(services, plan)]


def quiesce_targets(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """Every server's managed node is that server and answers; the documents exist and take commands.

    MGN and SSM are asked; what neither says is UNKNOWN (``wave/rules/source_node.py``).
    """
    spec = plan.conf.quiesce
    if spec is None:
        return []
    missing = [server for server in plan.server_ids if server not in spec.instance_ids]
    return [
        *targets_of_conf(services, spec, plan.server_ids, known(facts.views)).results,
        *(
            GateResult("quiesce target", server, Verdict.BLOCKED, reason="quiesce.instanceIds has no entry for it")
            for server in missing
        ),
    ]


def check_documents(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """The documents that ``ssm`` checks name; AWS's own, which go by platform, are not asked for."""
    checks = [check for app in plan.applications for check in app.checks if check["type"] == "ssm"]
    names = sorted({str(check["documentName"]) for check in checks if check.get("documentName")})
    return [ask_document(services, name)[0] for name in names]


def caller(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """The caller's account must be the conf's, or one of the installation's. With neither, any account is OK."""
    return [account_check(services, plan.conf.account_id)]


def account_check(services: Services, account_id: str | None) -> GateResult:
    """Whether the connection leads to the account that the conf or the installation names."""
    of_installation = Policy.of(services.settings).account_ids
    allowed = (account_id,) if account_id else of_installation
    expected = ", ".join(allowed) or None
    account = services.client("sts").get_caller_identity().get("Account")
    if not account:
        return GateResult("caller account", "sts", Verdict.UNKNOWN, None, expected, "STS did not name an account")
    good = not allowed or account in allowed
    said = "the conf says" if account_id else "MIGRATION_OPS_ACCOUNT_IDS says"
    reason = "" if good else f"the connection leads to account {account}, {said} {expected}"
    return GateResult("caller account", "sts", Verdict.OK if good else Verdict.BLOCKED, account, expected, reason)
