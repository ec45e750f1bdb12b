"""The lag gate against an oracle of its own, on generated answers of MGN: no false pass, no false block."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.verdict import Verdict
from migration_ops.wave.rules.replication import ReplicationLimits, judge_replication
from tests.proofs.how_many import how_many

MAX_LAG, MAX_BACKLOG = 60, 1_000
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LIMITS = ReplicationLimits(MAX_LAG, frozenset({"READY_FOR_CUTOVER"}), MAX_BACKLOG)
LAGS = ["P0D", "PT0S", "PT59S", "PT60S", "PT1M", "PT60.0S", "PT59.999999S", "PT0H0M12S", "P0DT0H0M5S"]
BAD_LAGS: list[Any] = [
    *(None, "", "P", "PT", "PT61S", "PT60.001S", "PT1H", "P1D", "P2M", "P1Y", "P1W", "P1M", "-PT5S", "PT-5S"),
    *(
        "5",
        "5 s",
        "PT5",
        "5S",
        "pt5s",
        "PT5S ",
        " PT5S",
        "PT5Sx",
        "PT5S\n",
        "PT1.5.2S",
        "PTxS",
        "NaN",
        "inf",
        "PT1e1S",
        "P0DT",
    ),
    *(0, 5, 5.0, True, [], {}, ["PT5S"], {"seconds": 5}),
]
STATES = ["CONTINUOUS"]
BAD_STATES: list[Any] = [
    *("STALLED", "STOPPED", "INITIATING", "INITIAL_SYNC", "BACKLOG", "CREATING_SNAPSHOT", "PAUSED", "RESCAN"),
    *("DISCONNECTED", "PENDING_SNAPSHOT_SHIPPING", "SHIPPING_SNAPSHOT", "continuous", "", None, "SOMETHING_NEW"),
]
BAD_LIFECYCLES: list[Any] = [
    *("NOT_READY", "READY_FOR_TEST", "TESTING", "CUTTING_OVER", "CUTOVER", "DISCONNECTED", "DISCOVERED", None, ""),
    *("PENDING_INSTALLATION", "READY_FOR_CUTOVER ", "ready_for_cutover"),
]
BAD_ARCHIVED: list[Any] = [True, None, "false", 0, "missing"]
BAD_ERRORS = [{"error": "AGENT_NOT_SEEN"}, {"error": "LAST_SNAPSHOT_JOB_FAILED"}, {"error": "NEW", "rawError": "x"}]
BAD_DISKS: list[Any] = [
    *([], None, [{"backloggedStorageBytes": 1_001}], [{"totalStorageBytes": 5}], [{"backloggedStorageBytes": None}]),
    *([{"backloggedStorageBytes": 0}, {}], [{"backloggedStorageBytes": 600}] * 2, [{"backloggedStorageBytes": -1}]),
]
BAD_MOMENTS: list[Any] = [None, "", "yesterday", 0, 1777896000, [], "2026-05-04", "2026-05-04T18:00:00Z"]


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat()


def good(dice: random.Random) -> dict[str, Any]:
    disks = [{"backloggedStorageBytes": dice.choice([0, 0, 7, 250]), "totalStorageBytes": 2**33}]
    return {
        "sourceServerID": f"s-{dice.getrandbits(68):017x}",
        "isArchived": False,
        "lifeCycle": {"state": "READY_FOR_CUTOVER", "lastSeenByServiceDateTime": ago(dice.randint(-30, 300))},
        "dataReplicationInfo": {
            "lastSnapshotDateTime": ago(dice.randint(0, 3_900)),
            "dataReplicationState": "CONTINUOUS",
            "lagDuration": dice.choice(LAGS),
            "replicatedDisks": disks * dice.randint(1, 4),
        },
    }


def spoilt(item: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """One or more members as they must not be; the rest stays good, so that nothing else shuts the gate."""
    info = item["dataReplicationInfo"]
    ways = [
        lambda: info.update(lagDuration=dice.choice(BAD_LAGS)),
        lambda: info.pop("lagDuration", None),
        lambda: info.update(lagDuration=f"PT{dice.choice([61, 3_600, 86_400, 10**9]) + dice.random()}S"),
        lambda: info.update(dataReplicationState=dice.choice(BAD_STATES)),
        lambda: info.pop("dataReplicationState", None),
        lambda: info.update(dataReplicationError=dice.choice(BAD_ERRORS)),
        lambda: info.update(replicatedDisks=dice.choice(BAD_DISKS)),
        lambda: item.update(lifeCycle={**(item["lifeCycle"] or {}), "state": dice.choice(BAD_LIFECYCLES)}),
        lambda: info.update(lastSnapshotDateTime=dice.choice([*BAD_MOMENTS, ago(7_300), ago(86_400), ago(-3_600)])),
        lambda: info.pop("lastSnapshotDateTime", None),
        lambda: item.update(lifeCycle={"state": "READY_FOR_CUTOVER"}),
        lambda: item.update(
            lifeCycle={
                "state": "READY_FOR_CUTOVER",
                "lastSeenByServiceDateTime": dice.choice([*BAD_MOMENTS, ago(2_400), ago(1_000), ago(-3_600)]),
            }
        ),
        lambda: item.update(replicationType=dice.choice(["SNAPSHOT_SHIPPING", "NEW", ""])),
        lambda: item.update(lifeCycle=dice.choice([None, {}])),
        lambda: item.update(isArchived=dice.choice(BAD_ARCHIVED)),
        lambda: item.pop("isArchived", None),
        lambda: item.update(dataReplicationInfo=dice.choice([None, {}])),
    ]
    for way in dice.sample(ways, dice.choice([1, 1, 1, 2, 3])):
        way()
    return item


def seconds(text: Any) -> float | None:
    """The oracle's own reading of a duration: days, hours, minutes, seconds, and nothing around them."""
    if not isinstance(text, str):
        return None
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", text)
    if not found or not any(found.groups()):
        return None
    return sum(float(part or 0) * unit for part, unit in zip(found.groups(), (86_400, 3_600, 60, 1), strict=True))


def is_recent(text: Any, seconds_ago: float) -> bool:
    """The oracle's own reading of a moment: within the limit, and at most ten minutes ahead of our clock."""
    if not isinstance(text, str) or "T" not in text:
        return False
    return -600 <= (NOW - datetime.fromisoformat(text)).total_seconds() <= seconds_ago


def may_launch(item: dict[str, Any]) -> bool:
    """What the reference asks of a server right before StartCutover, read from MGN's answer itself."""
    info = item.get("dataReplicationInfo") or {}
    lag, disks = seconds(info.get("lagDuration")), info.get("replicatedDisks") or []
    backlogs = [disk.get("backloggedStorageBytes") for disk in disks]
    life = item.get("lifeCycle") or {}
    return (
        item.get("replicationType", "AGENT_BASED") == "AGENT_BASED"
        and is_recent(life.get("lastSeenByServiceDateTime"), 900)
        and is_recent(info.get("lastSnapshotDateTime"), 5_400)
        and item.get("isArchived") is False
        and (item.get("lifeCycle") or {}).get("state") == "READY_FOR_CUTOVER"
        and info.get("dataReplicationState") == "CONTINUOUS"
        and not (info.get("dataReplicationError") or {}).get("error")
        and lag is not None
        and lag <= MAX_LAG
        and bool(backlogs)
        and all(isinstance(one, int) and one >= 0 for one in backlogs)
        and sum(backlogs) <= MAX_BACKLOG
    )


def verdict(item: dict[str, Any]) -> Verdict:
    return judge_replication(ServerView.from_api(item, NOW), LIMITS, final=True).verdict


def test_no_false_pass_and_no_false_block(record_property: Any) -> None:
    dice, count = random.Random(20), how_many(10_000, 100_000)
    passes, blocks, opened = [], [], 0
    for number in range(count):
        item = good(dice) if number % 4 == 0 else spoilt(good(dice), dice)
        expected, is_open = may_launch(item), verdict(item) is Verdict.OK
        opened += is_open
        passes += [item] if is_open and not expected else []
        blocks += [item] if expected and not is_open else []
    print(f"{count} records, {opened} open, {len(passes)} false passes, {len(blocks)} false blocks")
    assert (passes[:3], blocks[:3]) == ([], [])
    assert count / 5 < opened < count / 2


def test_the_oracle_knows_good_from_bad() -> None:
    dice = random.Random(21)
    assert all(may_launch(good(dice)) for _ in range(200))
    bad = [spoilt(good(dice), dice) for _ in range(2_000)]
    assert sum(map(may_launch, bad)) < len(bad) / 50
