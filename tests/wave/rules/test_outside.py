"""What the ledger keeps of a migration's CMDB record and callback, and what a CMDB record must match."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.states import Phase
from migration_ops.integrations.cmdb.identity import Identity
from migration_ops.ledger.protocol import Record
from migration_ops.wave.rules.outside import OUTSIDE, callback_url_of, cmdb_ids_of, identity_of, outside_fact
from tests.wave.builders import HEALTHY, conf

RECORD = Record("mig-1", "wave-3", "app", "s-1", Phase.PLANNED)
URL = "https://receiver.example/hook"


def test_a_server_is_known_by_hostname_and_wave() -> None:
    assert identity_of(replace(HEALTHY, hostname="web01"), "wave-3") == Identity(("web01",), "wave-3")
    for view in (None, replace(HEALTHY, hostname=None), replace(HEALTHY, hostname="")):
        assert identity_of(view, "wave-3") == Identity((), "wave-3")


@pytest.mark.parametrize("fact", [None, "text", [], {}, {"callbackUrl": None}, {"callbackUrl": ""}, {"callbackUrl": 1}])
def test_what_is_no_url_is_none(fact: Any) -> None:
    assert callback_url_of(replace(RECORD, facts={OUTSIDE: fact})) is None
    assert callback_url_of(replace(RECORD, facts={OUTSIDE: {"callbackUrl": URL, "cmdbId": "c"}})) == URL
    assert callback_url_of(RECORD) is None


def test_the_last_one_written_keeps_a_cmdb_id_that_two_have() -> None:
    def record(name: str, at: str | None, cmdb_id: Any) -> Record:
        return replace(RECORD, migration_id=name, updated_at=at, facts={OUTSIDE: {"cmdbId": cmdb_id}})

    records = [record("mig-2", "2026-02-02", "c-1"), record("mig-1", "2026-01-01", "c-1"), record("mig-3", None, "c-3")]
    assert cmdb_ids_of([*records, record("mig-4", "2027-01-01", None)]) == {"mig-2": "c-1", "mig-3": "c-3"}
    assert cmdb_ids_of([record("mig-1", None, "c-1"), record("mig-2", "2026-02-02", "c-1")]) == {"mig-2": "c-1"}


def test_a_wave_without_a_cmdb_keeps_no_id() -> None:
    assert outside_fact(conf(callbackUrl=URL), "c-1") == {"cmdbId": "c-1", "callbackUrl": URL}
    assert outside_fact(conf(cmdb={"enabled": False}), "c-1") == {"cmdbId": None, "callbackUrl": None}
