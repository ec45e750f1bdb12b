"""On the whole clean estate: everything is missing, is made once, and is then well; nobody else's alarm is touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from include.sandbox.estates.account import Account
from include.sandbox.estates.estate import seed_clean
from include.sandbox.sandbox import Sandbox
from migration_ops.core.finding import FindingStatus
from migration_ops.runbook.alarms.alarm import PREFIX
from migration_ops.runbook.alarms.reconcile import AlarmReview, look_at
from migration_ops.runbook.alarms.wanted import KINDS, LEFTOVER
from tests.runbook.alarms.conftest import TOPICS, alarms, foreign
from tests.runbook.estates import account_of, reader_of


@pytest.fixture(scope="module")
def estate(box: Sandbox) -> Iterator[Account]:
    box.reset()
    account = account_of(box)
    seed_clean(account)
    yield account
    box.reset()


def test_made_once_then_well(box: Sandbox, estate: Account) -> None:
    reader = reader_of(box, estate)

    def look(*, dry_run: bool) -> dict[str, AlarmReview]:
        return {kind: look_at(reader, kind, TOPICS, dry_run=dry_run) for kind in KINDS}

    others = alarms(estate)
    assert not [name for name in others if name.startswith(PREFIX)]
    for kind, looked in look(dry_run=True).items():
        assert kind == LEFTOVER or [one.resource for one in looked.findings] == ["*"], kind
    foreign(estate, f"{PREFIX}old_kind/x")
    others = alarms(estate)
    for kind, looked in look(dry_run=True).items():
        assert kind == LEFTOVER or {one.value for one in looked.findings} == {"missing"}, kind
    for kind, looked in look(dry_run=False).items():
        assert {one.verdict for one in looked.findings} == {FindingStatus.OK}, kind
    made: dict[str, Any] = alarms(estate)
    assert {name: made[name] for name in others} == others
    assert all(looked.done == () for looked in look(dry_run=False).values())
    assert alarms(estate) == made
