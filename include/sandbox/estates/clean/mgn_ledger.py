"""Migrations: source servers in MGN and their records in the ledger, written by the ledger itself, history included."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from include.sandbox.estates.account import Account
from migration_ops.core.states import Phase
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Record

# The way of a migration on which nothing goes wrong.
WAY = (
    Phase.PLANNED,
    Phase.TEST_LAUNCHING,
    Phase.TEST_LAUNCHED,
    Phase.TESTED,
    Phase.READY,
    Phase.CUTTING_OVER,
    Phase.CUTOVER_LAUNCHED,
    Phase.CUTOVER_VERIFIED,
    Phase.FINALIZING,
    Phase.FINALIZED,
)
# MGN's lifecycle state in each phase.
LIFECYCLE = {
    Phase.PLANNED: "READY_FOR_TEST",
    Phase.TEST_LAUNCHING: "TESTING",
    Phase.TEST_LAUNCHED: "TESTING",
    Phase.TESTED: "TESTING",
    Phase.READY: "READY_FOR_CUTOVER",
    Phase.CUTTING_OVER: "CUTTING_OVER",
    Phase.CUTOVER_LAUNCHED: "CUTTING_OVER",
    Phase.CUTOVER_VERIFIED: "CUTTING_OVER",
    Phase.FINALIZING: "CUTOVER",
    Phase.FINALIZED: "CUTOVER",
    Phase.ROLLING_BACK: "TESTING",
    Phase.ROLLED_BACK: "READY_FOR_TEST",
    Phase.FAILED: "READY_FOR_TEST",
    Phase.FROZEN: "READY_FOR_CUTOVER",
}


def seed(account: Account) -> None:
    if account.control is None:
        return
    for number, phase in enumerate((Phase.READY, Phase.READY, Phase.TESTED), start=1):
        migration(account, f"ordering-{number:02d}", wave="estate-wave-2", app="ordering", phase=phase)
    migration(account, "intranet-01", wave="estate-wave-2", app="intranet", state="NOT_READY", phase=Phase.PLANNED)
    for number in (1, 2):
        migration(
            account,
            f"archive-{number:02d}",
            wave="estate-wave-1",
            app="archive",
            phase=Phase.FINALIZED,
            updated_minutes_ago=12 * 60,
        )


def migration(
    account: Account,
    hostname: str,
    *,
    wave: str,
    app: str,
    phase: Phase,
    updated_minutes_ago: float = 20,
    minutes_a_step: float = 10,
    server_id: str | None = None,
    record: dict[str, Any] | None = None,
    **server: Any,
) -> Record:
    """
    A migration that has come to ``phase``, and its server.

    :param hostname: also in the migration id, ``mig-<hostname>``.
    :param updated_minutes_ago: when its last step was written; each earlier one ``minutes_a_step`` before.
    :param server_id: of a server that exists; None makes one, with ``server`` for the sandbox's seeding.
    :param record: further fields of the last record.
    """
    found = server_id or make_server(account, hostname, app=app, state=server.pop("state", LIFECYCLE[phase]), **server)
    steps = [*WAY[: WAY.index(phase)], phase] if phase in WAY else [Phase.PLANNED, phase]
    times = [updated_minutes_ago + minutes_a_step * left for left in reversed(range(len(steps)))]
    written = Record(f"mig-{hostname}", wave, app, found, phase=Phase.PLANNED, dag_run_id=f"manual__{wave}")
    for step, minutes_ago in zip(steps, times, strict=True):
        more = (record or {}) if step is phase else {}
        written = _write(account, written, replace(written, phase=step, **more), minutes_ago)
    return written


def make_server(account: Account, hostname: str, *, app: str, state: str, **server: Any) -> str:
    """One source server that replicates as its state has it, without a launched instance; its id."""
    spec = {"hostname": hostname, "state": state, "launched": False, **server}
    answer = account.control.add_estate({"applications": [{"appName": app, "servers": [spec]}]})
    found: str = answer["serverIds"][0]
    return found


def _write(account: Account, old: Record, new: Record, minutes_ago: float) -> Record:
    at = account.now - timedelta(minutes=minutes_ago)
    ledger = DynamoDbLedger(account.client("dynamodb"), account.settings["MIGRATION_OPS_TABLE_NAME"], lambda: at)
    return ledger.write([old], [new], f"estate: {new.phase}")[0]
