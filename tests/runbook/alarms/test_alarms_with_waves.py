"""Alarms on replication lag live with their wave, and an installation without alarms is told so in a line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from include.local import airflow_env
from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.mgn_ledger import migration
from include.sandbox.sandbox import Sandbox
from migration_ops.core.finding import FindingStatus
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Holder
from migration_ops.operators.runbook.alarms import AlarmsOperator
from migration_ops.runbook.alarms.wanted import KINDS
from tests.runbook.alarms.conftest import SERVER, Look, alarms, goes_on, ledger_of
from tests.runbook.alarms.test_alarms_task import Task

KIND = "replication_lag"
WARNING, OK, UNKNOWN = FindingStatus.WARNING, FindingStatus.OK, FindingStatus.UNKNOWN


def lag_alarms(account: Account) -> set[str]:
    return {name.rsplit("/", 1)[-1] for name in alarms(account) if f"/{KIND}/" in name}


@pytest.fixture
def server(account: Account, reader: Any) -> str:
    """Of a wave under way, in its first sync."""
    # Paused, as at the speed of tests the first sync would be over at once.
    syncing = {"state": "NOT_READY", "syncedPercent": 5, "replicationState": "PAUSED"}
    return migration(account, "syncing-01", wave="wave-2", app="sync", phase=Phase.PLANNED, **syncing).source_server_id


def test_in_the_first_sync_there_is_none_then_there_is_and_after_the_wave_it_is_gone(
    account: Account, look: Look, server: str
) -> None:
    look(KIND, dry_run=False)
    assert server not in lag_alarms(account)
    account.control.patch_server(server, lifecycleState="READY_FOR_TEST")
    look(KIND, dry_run=False)
    assert server in lag_alarms(account)
    ledger = ledger_of(account)
    for phase in (Phase.READY, Phase.CUTTING_OVER, Phase.CUTOVER_LAUNCHED):
        [record] = [one for one in ledger.by_wave("wave-2") if one.source_server_id == server]
        ledger.write([record], [record.to(phase)], "test", holder=Holder("alarms_test", "run", "wave-2"))
    look(KIND, dry_run=False)
    assert server not in lag_alarms(account)


def test_servers_that_could_not_be_read_change_nothing(box: Sandbox, account: Account, look: Look, server: str) -> None:
    account.control.patch_server(server, lifecycleState="READY_FOR_TEST")
    look(KIND, dry_run=False)
    before = lag_alarms(account)
    box.faults.add_document({"kind": "accessDenied", "service": "mgn", "operation": "DescribeSourceServers"})
    assert [one.verdict for one in look(KIND, dry_run=False).findings] == [UNKNOWN]
    assert lag_alarms(account) == before


class TestScheduled:
    @pytest.fixture(autouse=True)
    def connected(self, monkeypatch: pytest.MonkeyPatch, box: Sandbox, account: Account) -> None:
        for name, value in {**airflow_env.connections(box.environment), **account.settings}.items():
            monkeypatch.setenv(name, value)

    def run(self, kind: str, run_type: str = "scheduled", dry_run: bool = True) -> Any:
        task = Task(task_id="alarms", map_index=0, values={})
        params = {"windowHours": 24, "notify": False, "awsConnId": "aws_default", "region": None, "dryRun": dry_run}
        context: Any = {"ti": task, "params": params, "dag_run": SimpleNamespace(run_type=run_type)}
        return AlarmsOperator(task_id="alarms", kind=kind).execute(context)

    def test_on_day_one_it_says_so_and_is_green(self, account: Account) -> None:
        for kind in KINDS:
            assert self.run(kind)["verdict"] in (OK, WARNING), kind
        assert not {name for name in alarms(account) if name.startswith("migration-ops/") and KIND not in name}

    def test_lag_alarms_are_made_and_removed_without_anybody(self, account: Account) -> None:
        assert self.run(KIND)["verdict"] == OK
        assert lag_alarms(account) == {SERVER}
        goes_on(account, SERVER, Phase.READY, Phase.CUTTING_OVER, Phase.CUTOVER_LAUNCHED)
        assert self.run(KIND)["done"] == 1
        assert lag_alarms(account) == set()

    def test_by_hand_a_dry_run_changes_nothing(self, account: Account) -> None:
        assert self.run(KIND, run_type="manual")["verdict"] == WARNING
        assert lag_alarms(account) == set()
