"""What a rollback on request is about: migrations of the ledger, named by wave, application or id."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import InvalidInput
from migration_ops.core.markdown import code, plain, table
from migration_ops.ledger.protocol import Record
from migration_ops.wave.conf.model import parse_conf
from migration_ops.wave.conf.rollback import RollbackConf
from migration_ops.wave.launching.external_launches import foreign_launches
from migration_ops.wave.plan.plan import WavePlan, build_plan
from migration_ops.wave.services import Services


def select_records(services: Services, conf: RollbackConf) -> list[Record]:
    """The migrations the conf names; indexes are eventually consistent, so each is read again by its key.

    :raises InvalidInput: the ledger knows none, or not all that were named.
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
            raise InvalidInput(message, path="applications", value=sorted(missing))
        wanted = [record.migration_id for record in found]
    else:
        wanted = [record.migration_id for record in services.ledger.by_wave(str(conf.wave))]
    records = services.ledger.read(wanted)
    unknown = [one for one in wanted if one not in records]
    if unknown or not records:
        raise InvalidInput("the ledger does not know these migrations", path="migrationIds", value=unknown or wanted)
    # In an order of its own: an index has none, and the plan's hash follows it.
    return sorted(records.values(), key=lambda one: (one.wave, one.app_name, one.source_server_id))


def rollback_plan(services: Services, conf: RollbackConf, records: list[Record]) -> WavePlan:
    """A plan in the form every step knows; servers of one application stay together."""
    waves = sorted({record.wave for record in records})
    if len(waves) > 1:
        raise InvalidInput("one rollback is about one wave; name it", path="wave", value=waves)
    applications: dict[str, list[dict[str, str]]] = {}
    for record in records:
        server = {"migrationId": record.migration_id, "sourceServerId": record.source_server_id}
        applications.setdefault(record.app_name, []).append(server)
    document: dict[str, Any] = {
        "wave": waves[0],
        "dryRun": conf.dry_run,
        "awsConnId": conf.aws_conn_id,
        "region": conf.region,
        "approvals": {"timeoutMinutes": conf.timeout_minutes, "approvers": list(conf.approvers)},
        "applications": [{"appName": name, "servers": servers} for name, servers in applications.items()],
    }
    return build_plan(parse_conf(document, now=services.now()))


def rollback_sheet(
    services: Services, plan: WavePlan, records: list[Record], reason: str
) -> tuple[str, dict[str, str]]:
    """What would be undone, as Markdown: each server with its phase, what MGN shows and its instance.

    :returns: and the job ids of launches that somebody else made, by source server id; they are on the sheet.
    """
    views = services.mgn.describe_servers(list(plan.server_ids))
    foreign = foreign_launches(services, {record.source_server_id: record for record in records}, views)
    parts = [f"## Roll back {len(records)} servers of wave {code(plan.wave)}", f"Reason: {plain(reason)}"]
    for app in plan.applications:
        mine = [record for record in records if record.app_name == app.app_name]
        # Three columns: a wider table pushes the buttons off Airflow's page.
        rows = [_undone(record, views.get(record.source_server_id)) for record in mine]
        parts += [f"### {code(app.app_name)}", table(("Server", "Phase, state in MGN", "Instance to terminate"), rows)]
    parts.append(
        "Instances are terminated, what was written on them is lost. The source servers are not touched, but what "
        "quiesce stopped on them is started again."
    )
    if foreign:
        parts.append("### Not launched by this migration")
        parts.append("Somebody launched these servers beside it, and may use them. They are undone too.")
        parts.append(table(("Server", "MGN job"), [[code(server), code(job)] for server, job in foreign.items()]))
    return "\n\n".join(parts) + "\n", foreign


def _undone(record: Record, view: ServerView | None) -> list[str]:
    return [
        code(record.source_server_id),
        plain(f"{record.phase.value}, {view.lifecycle_state if view else 'not listed by MGN'}"),
        code((view.launched_instance_id if view else None) or record.instance_id or "none"),
    ]
