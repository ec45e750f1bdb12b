"""Which servers of a plan this wave finalized in an earlier run or try: nothing is left to do for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from migration_ops.core.errors import MigrationError
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan


def is_final(wave: str, record: Record) -> bool:
    """Whether the record is of this wave and finalized. The same server finalized by another wave is not."""
    return record.phase is Phase.FINALIZED and record.wave == wave


def finalized_in(plan: WavePlan, records: Mapping[str, Record] | MigrationError) -> frozenset[str]:
    """
    The source server ids that are finalized in this wave.

    :param records: by migration id; when they could not be read, no server counts as finalized.
    """
    if isinstance(records, MigrationError):
        return frozenset()
    planned = ((one, records.get(one.migration_id)) for app in plan.applications for one in app.servers)
    return frozenset(
        one.source_server_id
        for one, record in planned
        if record is not None and record.source_server_id == one.source_server_id and is_final(plan.wave, record)
    )


def without_servers(plan: WavePlan, servers: frozenset[str]) -> WavePlan:
    """The plan without these servers and without applications that have none left; hash and conf stay the same."""
    if not servers:
        return plan
    left = (_without(app, servers) for app in plan.applications)
    return replace(plan, applications=tuple(app for app in left if app.servers))


def _without(app: PlannedApplication, servers: frozenset[str]) -> PlannedApplication:
    return replace(app, servers=tuple(one for one in app.servers if one.source_server_id not in servers))
