"""Runs every preflight check, then takes the locks and registers the migrations in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from migration_ops.aws.errors import SDK_ERRORS, to_aws_error
from migration_ops.core.errors import BlockedError, MigrationError
from migration_ops.core.states import ENDED, Phase
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import Holder, Record
from migration_ops.wave.launching.intents import SUPERSEDED
from migration_ops.wave.plan.plan import PlannedApplication, PlannedServer, WavePlan
from migration_ops.wave.preflight import launch_setup, outside, servers
from migration_ops.wave.preflight.facts import Facts, gather
from migration_ops.wave.preflight.registered import approvers, refuse_other_approvers, replaced_approvers
from migration_ops.wave.records import as_retry
from migration_ops.wave.rules.finalized import finalized_in, is_final, without_servers
from migration_ops.wave.rules.outside import OUTSIDE, outside_fact
from migration_ops.wave.rules.standing import (
    APPROVALS,
    DEPENDS_ON,
    REGISTERED,
    RESET,
    STOPPED_AT,
    STOPPED_IN,
    TEST,
    standing_of,
)
from migration_ops.wave.services import Services

_OF_ONE_RUN = frozenset({STOPPED_IN, STOPPED_AT, "ready", TEST, "verifiedAt", APPROVALS, RESET})

CheckFunction = Callable[[Services, WavePlan, Facts], list[GateResult]]

CHECKS: tuple[CheckFunction, ...] = (
    outside.caller,
    servers.presence,
    servers.lifecycle,
    servers.replication,
    servers.jobs,
    servers.locks,
    servers.quota,
    approvers,
    launch_setup.templates,
    outside.quiesce_targets,
    outside.check_documents,
    outside.cmdb,
    outside.callback,
    outside.change_calendars,
    outside.cutover_window,
)

# The checks of a wave whose servers are all finalized.
_WITHOUT_SERVERS: tuple[CheckFunction, ...] = (outside.caller, outside.callback)


def preflight(services: Services, plan: WavePlan) -> list[GateResult]:
    """
    The results of all checks. A check that cannot be made is UNKNOWN and does not stop the others.

    For servers that this wave finalized before, only that is checked: the source may be off, archived or gone.
    """
    facts = gather(services, plan)
    final = finalized_in(plan, facts.records)
    results: list[GateResult] = servers.finalized(final, facts) if final else []
    rest, facts = without_servers(plan, final), facts.without(final)
    for check in CHECKS if rest.applications else _WITHOUT_SERVERS:
        name = f"{check.__module__.rsplit('.', 1)[-1]}.{check.__name__}"
        try:
            results += check(services, rest, facts)
        except SDK_ERRORS as error:
            results.append(
                GateResult(name, plan.wave, Verdict.UNKNOWN, reason=str(to_aws_error(error, mutating=False)))
            )
        except MigrationError as error:
            results.append(GateResult(name, plan.wave, Verdict.UNKNOWN, reason=str(error)))
    return results


def register(services: Services, plan: WavePlan, requested_by: str | None = None) -> list[Record]:
    """Takes every server's lock and writes every migration, all-or-nothing per server. It may be repeated.

    Records that an earlier run left in the middle keep their phase: the work goes on from there. What this wave
    finalized stays as it is. Later tasks read the plan's hash and the approvers here and not in XCom.

    :param requested_by: name of the user who triggered the run; None when it is not known.
    :return: the records as written; without those that were finalized before.
    :raises LockHeldError: another run holds a server.
    :raises BlockedError: the ledger knows a migration id as another server's, or what is cut over was registered with
        other approvers.
    """
    take_over_ended(services, plan)
    found = services.ledger.read(list(plan.migration_ids))
    refuse_other_approvers(services, plan, found)
    line = {"planHash": plan.plan_hash, "runId": services.holder.run_id, "requestedBy": requested_by}
    fact = {**line, "at": services.now().isoformat(), "approvers": list(plan.conf.approvals.approvers)}
    line |= replaced_approvers(plan, found)
    changes = list(_registrations(services, plan, found))
    if not changes:
        return []
    old = [before for before, _ in changes]
    new = [replace(after, facts={**after.facts, REGISTERED: fact}) for _, after in changes]
    written = services.ledger.write(old, new, event="registered", detail=line, holder=services.holder)
    for record in written:
        services.emit(event="registered", record=record, detail=line, previous=None)
    return written


def _registrations(services: Services, plan: WavePlan, found: dict[str, Record]) -> Iterator[tuple[Record, Record]]:
    """Before and after of each migration, without those that this wave has finalized."""
    for app in plan.applications:
        for server in app.servers:
            record = found.get(server.migration_id)
            _refuse_other_server(record, server.migration_id, server.source_server_id)
            if record is not None and is_final(plan.wave, record):
                continue
            before = record or Record(
                migration_id=server.migration_id,
                wave=plan.wave,
                app_name=app.app_name,
                source_server_id=server.source_server_id,
                phase=Phase.PLANNED,
            )
            yield before, _registered(services, plan, app, server, before)


def _registered(
    services: Services, plan: WavePlan, app: PlannedApplication, server: PlannedServer, before: Record
) -> Record:
    """An earlier failure does not count for this run; its sheet shows a retry. What is held stays so."""
    kept = {DEPENDS_ON: list(app.depends_on), OUTSIDE: outside_fact(plan.conf, server.cmdb_id)}
    if _stays_held(services, before):
        facts = {name: fact for name, fact in before.facts.items() if name != APPROVALS}
        reset = {RESET: {"at": services.now().isoformat()}}
        return before.to(before.phase, dag_run_id=services.holder.run_id, facts=facts | kept | reset)
    known = before.to(before.phase, facts=as_retry(services, before) | kept)
    restarted = _restarted(known) if before.phase in ENDED else known
    return restarted.to(
        restarted.phase,
        wave=plan.wave,
        app_name=app.app_name,
        dag_run_id=services.holder.run_id,
        correlation_id=before.migration_id,
        error_code=None,
        error_message=None,
    )


def _stays_held(services: Services, record: Record) -> bool:
    """Clearing a whole run asks for no application that is held in it. A rollback that did not end is held in any
    run: only another rollback goes on with it."""
    is_of_this_run = (record.facts.get(REGISTERED) or {}).get("runId") == services.holder.run_id
    return record.phase is Phase.FROZEN and (is_of_this_run or standing_of(record).is_rolling_back)


def _restarted(record: Record) -> Record:
    """A migration that ended starts over: its past does not count for this run. The fact of its quiesced source is
    kept: a rollback must still start that source again."""
    intents = {name: i if i.outcome else replace(i, outcome=SUPERSEDED) for name, i in record.intents.items()}
    facts = {name: fact for name, fact in record.facts.items() if name not in _OF_ONE_RUN}
    return record.to(Phase.PLANNED, intents=intents, facts=facts)


def take_over_ended(services: Services, plan: WavePlan) -> None:
    """Moves the locks of runs that have ended to this one."""
    by_holder: dict[Holder, list[str]] = {}
    for server, holder in services.ledger.locks(list(plan.server_ids)).items():
        if not holder.is_same_run(services.holder):
            by_holder.setdefault(holder, []).append(server)
    for holder, held in by_holder.items():
        if services.run_ended(holder) is True:
            services.ledger.take_over(held, holder, services.holder)


def _refuse_other_server(record: Record | None, migration_id: str, source_server_id: str) -> None:
    if record is not None and record.source_server_id != source_server_id:
        raise BlockedError(
            "this migration id belongs to another server",
            migrationId=migration_id,
            ledger=record.source_server_id,
            conf=source_server_id,
        )
