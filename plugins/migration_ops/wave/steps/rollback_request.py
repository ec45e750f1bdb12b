"""What a rollback on request is about: migrations of the ledger, named by wave, application or id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.markdown import code, plain, table
from migration_ops.core.policy import Policy
from migration_ops.core.states import STOPPED, Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.conf.model import restore_conf
from migration_ops.wave.conf.rollback import RollbackConf
from migration_ops.wave.launching.external_launches import find_external_launches
from migration_ops.wave.permission import permit
from migration_ops.wave.plan.plan import WavePlan, build_plan
from migration_ops.wave.rules.approvers import registered_approvers
from migration_ops.wave.rules.live import live_of, live_wave_of
from migration_ops.wave.rules.outside import cmdb_ids_of
from migration_ops.wave.rules.standing import DEPENDS_ON, standing_of
from migration_ops.wave.services import Services
from migration_ops.wave.sheets.reach import reach_of
from migration_ops.wave.sheets.reach_text import duration_text, place_text
from migration_ops.wave.sheets.rollback_price import rollback_price
from migration_ops.wave.steps.rollback_holders import Holding, holders_text


def select_records(services: Services, conf: RollbackConf) -> list[Record]:
    """The migrations the conf names, one per server; indexes are eventually consistent, so each is read by its key.

    For a wave or an application a migration on its way counts before an ended one of the same server.

    :raises InvalidInputError: the ledger knows none, or not all that were named; or two belong to one server.
    """
    if conf.migration_ids:
        wanted = list(conf.migration_ids)
    elif conf.applications:
        found = [record for name in conf.applications for record in services.ledger.by_app(name)]
        found = [record for record in found if conf.wave in (None, record.wave)]
        missing = set(conf.applications) - {record.app_name for record in found}
        if missing:
            where = f" in wave {conf.wave}" if conf.wave else ""
            message = f"the ledger does not know these applications{where}"
            raise InvalidInputError(message, path="applications", value=sorted(missing))
        wanted = [record.migration_id for record in found]
    else:
        wanted = [record.migration_id for record in services.ledger.by_wave(str(conf.wave))]
    records = services.ledger.read(wanted)
    unknown = [one for one in wanted if one not in records]
    if unknown or not records:
        raise InvalidInputError(
            "the ledger does not know these migrations", path="migrationIds", value=unknown or wanted
        )
    chosen = list(records.values())
    if conf.migration_ids:
        _refuse_twice(chosen)
    else:
        chosen = live_of(chosen if conf.wave else live_wave_of(chosen))
    # Sorted, because an index has no order and the plan's hash depends on the order.
    return sorted(chosen, key=lambda one: (one.wave, one.app_name, one.source_server_id))


def _refuse_twice(records: list[Record]) -> None:
    servers = Counter(record.source_server_id for record in records)
    twice = [record.migration_id for record in records if servers[record.source_server_id] > 1]
    if twice:
        message = "these are migrations of one and the same server; name the one that is meant"
        raise InvalidInputError(message, path="migrationIds", value=sorted(twice))


def rollback_plan(services: Services, conf: RollbackConf, records: list[Record]) -> WavePlan:
    """A plan as the steps need it; servers of one application stay together.

    :raises InvalidInputError: the records are of several waves, or nobody may approve.
    """
    waves = sorted({record.wave for record in records})
    if len(waves) > 1:
        raise InvalidInputError("one rollback is about one wave; name it", path="wave", value=waves)
    applications: dict[str, list[dict[str, Any]]] = {}
    approvers = approvers_of(conf, records, Policy.of(services.settings))
    cmdb_ids = cmdb_ids_of(records)
    for record in records:
        server: dict[str, Any] = {"migrationId": record.migration_id, "sourceServerId": record.source_server_id}
        server["cmdbId"] = cmdb_ids.get(record.migration_id)
        applications.setdefault(record.app_name, []).append(server)
    document: dict[str, Any] = {
        "wave": waves[0],
        "dryRun": conf.dry_run,
        "awsConnId": conf.aws_conn_id,
        "region": conf.region,
        "accountId": conf.account_id,
        "approvals": {"timeoutMinutes": conf.timeout_minutes, "approvers": approvers},
        "applications": [{"appName": name, "servers": servers} for name, servers in applications.items()],
    }
    # Not judged as a new conf: names that earlier versions accepted must still be rolled back.
    return build_plan(restore_conf(document))


def approvers_of(conf: RollbackConf, records: list[Record], policy: Policy) -> list[str]:
    """Who may approve: the users whom the wave was registered with; a rollback's conf can only name fewer of them.

    :raises InvalidInputError: nobody is left.
    """
    bound = registered_approvers(policy, records)
    if bound is None:
        return list(conf.approvers)
    left = [one for one in conf.approvers if one in bound] if conf.approvers else sorted(bound)
    if not left:
        message = "the wave was registered with other approvers, and only they may approve its rollback"
        raise InvalidInputError(message, path="approvers", value=sorted(conf.approvers), registered=sorted(bound))
    return left


def rollback_sheet(
    services: Services,
    plan: WavePlan,
    records: list[Record],
    reason: str,
    holdings: Iterable[Holding] = (),
    requested_by: str | None = None,
) -> tuple[str, dict[str, str]]:
    """What would be undone, as Markdown: each server with its phase, what MGN shows and its instance.

    :param holdings: the other runs that hold servers; they are named.
    :param requested_by: name of the user who triggered the rollback.
    :return: the sheet, and the job ids on it of launches that somebody else made, by source server id.
    """
    views = services.mgn.describe_servers(list(plan.server_ids))
    foreign = find_external_launches(services, {record.source_server_id: record for record in records}, views)
    parts = [f"## Roll back {len(records)} servers of wave {code(plan.wave)}", f"Reason: {plain(reason)}"]
    parts.append(f"Requested by {code(requested_by or 'nobody known')}.")
    parts += [place_text(reach_of(services, plan)), duration_text(rollback_price(services))]
    parts += holders_text(list(holdings))
    for app in plan.applications:
        mine = [record for record in records if record.app_name == app.app_name]
        # Three columns: a wider table pushes the buttons off Airflow's page.
        rows = [_undone(record, views.get(record.source_server_id)) for record in mine]
        parts += [
            f"### {code(app.app_name)}",
            table(("Host, server", "Phase, state in MGN", "Instance to terminate"), rows),
        ]
        asked = permit("rollback", plan, app, [standing_of(record) for record in mine])
        parts += [f"⛔ {plain(reason.message)}. {plain(reason.remedy)}" for reason in asked.reasons]
    parts.append(
        "Instances are terminated, what was written on them is lost. The source servers are not touched, but what "
        "quiesce stopped on them is started again."
    )
    parts += _dependants_text(dependants_cut_over(services, records))
    if foreign:
        parts.append("### Not launched by this migration")
        parts.append("Somebody launched these servers beside it, and may use them. They are undone too.")
        parts.append(table(("Server", "MGN job"), [[code(server), code(job)] for server, job in foreign.items()]))
    return "\n\n".join(parts) + "\n", foreign


@dataclass(frozen=True)
class Dependants:
    """Applications that stay cut over when what they depend on is rolled back.

    :param named: application → the rolled back applications that it needs, directly or through others.
    :param unknown: cut over too, but registered by a version that did not keep dependencies in the ledger.
    """

    named: dict[str, tuple[str, ...]]
    unknown: tuple[str, ...] = ()


def dependants_cut_over(services: Services, records: list[Record]) -> Dependants:
    """
    The applications of the same waves that are launched or cut over, stay so, and need what is rolled back.

    What was stopped in a phase that the ledger does not name counts as cut over.
    """
    undone = {record.app_name for record in records}
    waves = sorted({record.wave for record in records})
    # Indexes are eventually consistent, so each record is read by its key.
    listed = {one.migration_id for wave in waves for one in services.ledger.by_wave(wave)}
    others = services.ledger.read(sorted(listed)) if listed else {}
    needs: dict[str, set[str] | None] = {}
    launched: set[str] = set()
    for other in others.values():
        found = other.facts.get(DEPENDS_ON)
        needs[other.app_name] = None if found is None else set(found)
        at = standing_of(other)
        # Stopped by a version that did not note where: it may be cut over.
        if at.reached(Phase.CUTTING_OVER) or (other.phase in STOPPED and at.interrupted_at is None):
            launched.add(other.app_name)
    named = {name: _needed(name, needs, undone) for name in sorted(launched - undone)}
    unknown = tuple(name for name in named if needs[name] is None)
    return Dependants({name: found for name, found in named.items() if found}, unknown)


def _needed(name: str, needs: dict[str, set[str] | None], undone: set[str]) -> tuple[str, ...]:
    """The rolled back applications that an application needs, directly or through others."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        for one in needs.get(todo.pop()) or ():
            if one not in seen:
                seen.add(one)
                todo.append(one)
    return tuple(sorted(seen & undone))


def _dependants_text(dependants: Dependants) -> list[str]:
    parts: list[str] = []
    if dependants.named:
        rows = [[code(name), ", ".join(code(one) for one in needs)] for name, needs in dependants.named.items()]
        parts += [
            "### Cut over, and depends on what is rolled back",
            "These applications stay as they are, and lose what they need.",
            table(("Application", "Needs"), rows),
        ]
    if dependants.unknown:
        names = ", ".join(code(name) for name in dependants.unknown)
        parts.append(f"Cut over too; the ledger does not say what they depend on: {names}.")
    return parts


def _undone(record: Record, view: ServerView | None) -> list[str]:
    host = f"{code(view.hostname)} " if view and view.hostname else ""
    instance = (view.launched_instance_id if view else None) or record.instance_id
    launched = (view.last_cutover_called_at or view.last_test_called_at) if view and instance else None
    return [
        f"{host}{code(record.source_server_id)}",
        plain(f"{record.phase.value}, {view.lifecycle_state if view else 'not listed by MGN'}"),
        code(instance or "none") + (f", launched {code(launched)}" if launched else ""),
    ]
