"""A subject that could not be read leaves doubt about its own alarms, and takes nothing from the others."""

from __future__ import annotations

from typing import Any

from migration_ops.core.errors import RefusedError
from migration_ops.core.facts import Snapshot, failed
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.alarms.alarm import PREFIX
from migration_ops.runbook.alarms.drift import TO_DELETE, Deviation, State, with_doubts
from migration_ops.runbook.alarms.wanted import desired_and_doubts

NOT_READ = failed("sns:get_subscription_attributes", RefusedError("access denied"))


def wanted(kind: str, subjects: str, *things: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    alarms, doubts = desired_and_doubts(kind, Snapshot({subjects: list(things)}), Thresholds())
    return [one.name.removeprefix(PREFIX) for one in alarms], doubts


def test_only_the_queue_that_nobody_could_say_anything_of_is_in_doubt() -> None:
    queues = ({"name": "a", "isDeadLetter": True}, {"name": "b", "isDeadLetter": NOT_READ})
    names, doubts = wanted("dead_letters", "queues", *queues, {"name": "c", "isDeadLetter": False})
    assert names == ["dead_letters/a"]
    assert list(doubts) == [f"{PREFIX}dead_letters/b"]
    assert "access denied" in doubts[f"{PREFIX}dead_letters/b"]


def test_a_bus_that_could_not_be_read_leaves_the_rules_of_others() -> None:
    names, doubts = wanted("rule_failures", "rules", {"name": NOT_READ, "bus": "one"}, {"name": "r", "bus": "two"})
    assert {name.split("/")[1] for name in names} == {"two"}
    assert list(doubts) == [f"{PREFIX}rule_failures/one"]


def test_an_alarm_in_doubt_is_no_orphan_and_others_are() -> None:
    found = [
        Deviation("k/one/r/Metric", State.ORPHANED),
        Deviation("k/one-more/r/Metric", State.ORPHANED),
        Deviation("k/two/r/Metric", State.AS_WANTED),
    ]
    states = {one.name: one.state for one in with_doubts(found, {"k/one": "why", "k/three": "why"})}
    assert states == {
        "k/one/r/Metric": State.UNREAD,
        "k/one-more/r/Metric": State.ORPHANED,
        "k/two/r/Metric": State.AS_WANTED,
        "k/three": State.UNREAD,
    }
    assert State.UNREAD not in TO_DELETE
