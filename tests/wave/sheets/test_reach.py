"""What a sheet says of the reach of an approval, of commands on sources, and of the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from migration_ops.aws.errors import UnreachableError
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.documents import rehearsal_wave_for
from migration_ops.core.settings import Settings
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import HistoryEntry, Record
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.sheets.reach import reach_of, source_commands_of
from migration_ops.wave.sheets.reach_text import allowed_text, reach_text, rollback_text, source_commands_text
from migration_ops.wave.sheets.rollback_price import minutes_of, rollback_price
from tests.wave.builders import application, plan, server_id

CLOSES = datetime(2026, 5, 10, 6, tzinfo=UTC)


def services(account: Any = "123456789012", **more: Any) -> Any:
    def caller() -> dict[str, Any]:
        if isinstance(account, Exception):
            raise account
        return {"Account": account}

    sts = SimpleNamespace(get_caller_identity=caller, meta=SimpleNamespace(region_name="eu-west-1"))
    return SimpleNamespace(settings=Settings(), client=lambda name: {"sts": sts}[name], **more)


def quiesced(**spec: Any) -> WavePlan:
    ids = {server_id(one): f"mi-{one:017x}" for one in (1, 2)}
    conf = {"commands": ["systemctl stop app"], "undoCommands": ["systemctl start app"], "instanceIds": ids}
    return plan(application("billing", servers=(1, 2)), quiesce=conf | spec)


VIEWS = {
    server_id(1): ServerView(server_id(1), hostname="web-1", os_name="Ubuntu 22.04"),
    server_id(2): ServerView(server_id(2), hostname="win-1", os_name="Microsoft Windows Server 2019"),
}


class TestReach:
    def test_account_region_connection_and_the_host_of_the_callback(self) -> None:
        wave = plan(callbackUrl="https://hooks.example.com/secret/path?key=1")
        text = reach_text(reach_of(services(), wave))
        for part in ("`123456789012`", "`eu-west-1`", "`aws_default`", "`hooks.example.com`"):
            assert part in text
        assert "secret" not in text

    @pytest.mark.parametrize(
        ("account", "why"), [(None, "STS named no account"), (UnreachableError("no answer"), "no answer")]
    )
    def test_an_account_that_nobody_can_read_is_unknown_and_says_why(self, account: Any, why: str) -> None:
        found = reach_of(services(account), plan())
        assert found["accountId"] is None
        assert f"unknown ({why}" in reach_text(found).replace("\\", "") or why in reach_text(found)

    def test_what_the_answer_allows_and_until_when(self) -> None:
        found = reach_of(services(), plan())
        assert "StartCutover" in allowed_text("goNoGo", found)
        assert "168 h" in allowed_text("goNoGo", found)
        assert "FinalizeCutover" in allowed_text("finalize", found)


class TestSourceCommands:
    def test_by_platform_and_document_with_hosts_and_nodes(self) -> None:
        wave = quiesced(windowsCommands=["Stop-Service app"], windowsUndoCommands=["Start-Service app"])
        text = source_commands_text(source_commands_of(wave, VIEWS))
        for part in ("`AWS-RunShellScript`", "`AWS-RunPowerShellScript`", "`web-1`", "`win-1`", "`mi-", "30 min"):
            assert part in text
        assert text.index("systemctl stop app") < text.index("systemctl start app") < text.index("Stop-Service app")

    def test_of_a_platform_that_nobody_knows_both_ways_are_shown(self) -> None:
        wave = quiesced(windowsCommands=["Stop-Service app"], windowsUndoCommands=["Start-Service app"])
        found = source_commands_of(wave, {})
        assert found is not None
        assert [(one["platform"], one["documentName"], one["commands"]) for one in found["groups"]] == [
            ("Linux, if SSM says so", "AWS-RunShellScript", ["systemctl stop app"]),
            ("Windows, if SSM says so", "AWS-RunPowerShellScript", ["Stop-Service app"]),
        ]
        text = source_commands_text(found)
        assert "if SSM says so" in text
        assert "Stop-Service app" in text

    def test_secrets_are_hidden_and_long_commands_cut(self) -> None:
        long = "echo " + "x" * 500
        wave = quiesced(commands=["mysql --password=Tr0ub4dor-and-3 -e stop", long, *["true"] * 20])
        found = source_commands_of(wave, VIEWS)
        assert found is not None
        [linux, _] = found["groups"]
        assert "Tr0ub4dor" not in str(found)
        assert "(505 characters)" in linux["commands"][1]
        assert linux["commands"][-1] == "… and 12 more, as the conf of the run has them"

    def test_that_nothing_is_stopped_is_said(self) -> None:
        assert source_commands_of(plan(), {}) is None
        assert "What they write after the snapshot" in source_commands_text(None)


def line(event: str, minute: int, day: int = 1) -> HistoryEntry:
    at = datetime(2026, 1, day, 10, minute, tzinfo=UTC).isoformat()
    return HistoryEntry("mig-a", 1, at, "ROLLED_BACK", event, {}, "", "")


class Ledger:
    def __init__(self, histories: dict[str, list[HistoryEntry]], wave: str = "w") -> None:
        self.found, self.wave = histories, wave

    def by_status(self, status: Any) -> list[Record]:
        return [Record(one, self.wave, "app", "s", Phase.ROLLED_BACK, updated_at=one) for one in self.found]

    def histories(self, ids: list[str]) -> dict[str, list[HistoryEntry]]:
        return {one: self.found[one] for one in ids}


class TestTheWayBack:
    def test_the_median_of_what_was_seen_and_the_last_moment(self) -> None:
        ledger = Ledger({str(n): [line("rollback started", 0), line("rolled back", n)] for n in (4, 10, 30)})
        found = rollback_price(services(ledger=ledger), CLOSES)
        assert (found["medianMinutes"], found["countedRollbacks"]) == (10, 3)
        assert found["lastStart"] == "2026-05-10T05:50:00+00:00"
        text = rollback_text(found, CLOSES.isoformat())
        assert "10 min (the median of 3" in text
        assert "`2026-05-10T05:50:00+00:00`" in text

    def test_the_rehearsals_of_a_recovery_drill_do_not_count(self) -> None:
        ledger = Ledger({"7": [line("rollback started", 0), line("rolled back", 7)]}, wave=rehearsal_wave_for("run-1"))
        assert rollback_price(services(ledger=ledger))["medianMinutes"] is None

    def test_no_number_is_made_up(self) -> None:
        found = rollback_price(services(ledger=Ledger({})), CLOSES)
        assert (found["medianMinutes"], found["lastStart"]) == (None, None)
        assert "unknown (the ledger holds no rollback yet)" in rollback_text(found, CLOSES.isoformat())

    def test_a_ledger_that_cannot_be_read_is_said(self) -> None:
        def refused(status: Any) -> list[Record]:
            raise UnreachableError("no answer")

        found = rollback_price(services(ledger=SimpleNamespace(by_status=refused)))
        assert "no answer" in found["unknownBecause"]

    @pytest.mark.parametrize(
        ("history", "minutes"),
        [
            ([line("rolled back", 5)], []),
            ([line("rollback started", 5)], []),
            (
                [line("rollback started", 5), line("frozen", 6), line("rollback started", 7), line("rolled back", 9)],
                [2],
            ),
            ([line("rollback started", 9), line("rolled back", 5)], []),
        ],
    )
    def test_only_whole_rollbacks_count(self, history: list[HistoryEntry], minutes: list[float]) -> None:
        assert minutes_of(history) == minutes
