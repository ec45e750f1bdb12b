"""How many migrations are on their way, and whether one server is in two of them."""

from __future__ import annotations

from collections.abc import Iterator

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds


def judge(summary: Facts, _: Facts, limits: Thresholds) -> Iterator[Judgement]:
    servers = summary["servers"]
    number = sum(len(server["migrations"]) for server in servers)
    counts = tuple(f"{status} {count}" for status, count in summary["counts"].items() if count)
    yield ok(f"{number} migrations of {len(servers)} servers", value=number, evidence=counts)
    for server in servers:
        if len(server["migrations"]) > 1:
            names = ", ".join(server["migrations"])
            yield critical(
                f"in several migrations on their way: {names}",
                resource=server["name"],
                value=len(server["migrations"]),
                limit=1,
            )
