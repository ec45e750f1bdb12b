"""The worst server speaks for its application, and one silent server makes the lag unknown."""

from __future__ import annotations

import pytest

from include.local.replication_view import Replication, servers_of, worst
from migration_ops.aws.mgn.servers import ServerView


def view(lag: float | None, eta: str | None = None) -> ServerView:
    return ServerView("s-1", lag_seconds=lag, eta=eta, replication_state="CONTINUOUS")


def test_the_largest_lag_and_the_latest_end() -> None:
    seen = worst([view(5, "2026-01-01T10:00:00Z"), view(90, "2026-01-01T09:00:00+00:00")])
    assert seen == Replication(90, "10:00:00", "CONTINUOUS")


@pytest.mark.parametrize("views", [[], [view(5), None], [None]], ids=["none", "one is missing", "all missing"])
def test_nothing_is_known_without_all_servers(views: list[ServerView | None]) -> None:
    assert worst(views) == Replication()


def test_absent_lag_is_not_zero() -> None:
    assert worst([view(0), view(None)]).lag_seconds is None


def test_the_servers_of_a_conf() -> None:
    conf = {"applications": [{"appName": "a", "servers": [{"sourceServerId": "s-1"}, {"sourceServerId": "s-2"}]}]}
    assert servers_of(conf) == {"a": ["s-1", "s-2"]}
    assert servers_of({"mgnWaveId": "wave-1", "applications": None}) == {}
