"""Looks at verified instances again: hours or days pass between the cutover and finalize."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import MigrationError
from migration_ops.core.states import STOPPED, Phase
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import LockHeldError, Record, VersionConflictError
from migration_ops.wave.launching.job_lookup import Action
from migration_ops.wave.launching.launch_actions import action_checks
from migration_ops.wave.launching.only_instance import both, only_instance_checks
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.records import as_retry, with_phase, write
from migration_ops.wave.rules.refusals import DependencyNotCutOverError
from migration_ops.wave.rules.standing import INSTANCE_BROKEN, INSTANCE_UNKNOWN, standing_of
from migration_ops.wave.services import Services
from migration_ops.wave.steps.verify import boot_checks


@dataclass(frozen=True)
class Looked:
    """``records`` as they are in the ledger now; ``checks`` by source server id."""

    records: list[Record]
    checks: dict[str, GateResult] = field(default_factory=dict)


def look_again(
    services: Services, records: list[Record], views: dict[str, ServerView] | None = None, *, retried: bool = False
) -> Looked:
    """Judges each record's instance as MGN and EC2 show it now, and writes what changed to the ledger.

    An instance that is not well, or not known to be, is noted as a failure (INSTANCE_BROKEN, INSTANCE_UNKNOWN). When
    it is well again that failure is cleared, and what was stopped for it goes on. Other failures stay.

    :param records: verified and not finalized.
    :param views: their servers as read right before; None: they are read here.
    :param retried: see ``instance_checks``.
    :raises StepFailedError: the ledger has no instance id for one of them.
    """
    if not records:
        return Looked([])
    if views is None:
        views = services.mgn.describe_servers([record.source_server_id for record in records])
    checks = instance_checks(services, records, views, retried=retried)
    by_app: dict[str, list[Record]] = {}
    for record in records:
        by_app.setdefault(record.app_name, []).append(record)
    looked = [one for mine in by_app.values() for one in _written(services, mine, checks)]
    return Looked(looked, checks)


def instance_checks(
    services: Services, records: list[Record], views: dict[str, ServerView], *, retried: bool = False
) -> dict[str, GateResult]:
    """Whether each record's own instance is well, the server's only one, and its post-launch actions succeeded.

    By source server id.

    :param views: the servers as read right before.
    :param retried: the task tries again by itself: a retryable error is raised, not made UNKNOWN.
    :raises StepFailedError: the ledger has no instance id for one of them.
    :raises MigrationError: EC2 could not be asked about the instances' status.
    """
    boots, only = boot_checks(services, records, views), only_instance_checks(services, records, retried=retried)
    actions = action_checks(services, records, Action.CUTOVER, retried=retried)
    return {server: both(both(boot, only[server]), actions[server]) for server, boot in boots.items()}


def require_dependencies_well(services: Services, plan: WavePlan, app: PlannedApplication) -> None:
    """Called right before a cutover: hours may have passed since what it depends on was verified.

    :raises DependencyNotCutOverError: the instance of a verified server is not well, or cannot be looked at.
    :raises MigrationError: a retryable error; the task tries again.
    """
    ids = [one for name in app.depends_on for one in plan.application(name).migration_ids]
    found = services.ledger.read(ids).values() if ids else []
    records = [record for record in found if standing_of(record).at is Phase.CUTOVER_VERIFIED]
    if not records:
        return
    try:
        views = services.mgn.describe_servers([record.source_server_id for record in records])
        checks = instance_checks(services, records, views, retried=True)
        bad = {server: check.reason for server, check in checks.items() if check.verdict is not Verdict.OK}
    except MigrationError as error:
        if error.retryable:
            raise
        bad = {record.source_server_id: str(error) for record in records}
    if bad:
        where = {record.source_server_id: record.app_name for record in records}
        words = "; ".join(f"{where[server]} ({server}): {reason}" for server, reason in bad.items())
        raise DependencyNotCutOverError(f"{app.app_name} needs what is not well now: {words}", appName=app.app_name)


def _written(services: Services, records: list[Record], checks: dict[str, GateResult]) -> list[Record]:
    new = [_judged(services, record, checks[record.source_server_id]) for record in records]
    pairs = [(old, one) for old, one in zip(records, new, strict=True) if one is not old]
    if not pairs:
        return records
    detail = {"checks": [checks[old.source_server_id].as_document() for old, _ in pairs]}
    try:
        written = write(services, [old for old, _ in pairs], [one for _, one in pairs], "looked at again", detail)
    except (LockHeldError, VersionConflictError) as error:
        # Another run, or another task of this run, has the record now and judges it.
        services.log.warning("what was seen of %s is not noted: %s", records[0].app_name, error)
        return records
    by_id = {record.migration_id: record for record in written}
    return [by_id.get(record.migration_id, record) for record in records]


def _judged(services: Services, record: Record, check: GateResult) -> Record:
    standing = standing_of(record)
    if check.verdict is Verdict.OK:
        return with_phase(record, standing.at, facts=as_retry(services, record)) if standing.is_unwell else record
    code = INSTANCE_BROKEN if check.verdict is Verdict.BLOCKED else INSTANCE_UNKNOWN
    if record.phase in STOPPED or (standing.failed and not standing.is_unwell) or record.error_code == code:
        return record
    return replace(record, error_code=code, error_message=check.reason[:1000])


def looked_or_unknown(services: Services, records: list[Record], *, retried: bool = False) -> Looked:
    """As ``look_again``; when nothing can be read every check is UNKNOWN and the records are as they were."""
    try:
        return look_again(services, records, retried=retried)
    except MigrationError as error:
        if retried and error.retryable:
            raise
        services.log.warning("the instances could not be read: %s", error)
        unknown = {
            record.source_server_id: GateResult("boot", record.source_server_id, Verdict.UNKNOWN, reason=str(error))
            for record in records
        }
        return Looked(records, unknown)
