"""What a rollback on request is about: all that was named, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.errors import InvalidInputError
from migration_ops.wave.conf.rollback import parse_rollback_conf
from migration_ops.wave.steps.close import GoalMissedError
from migration_ops.wave.steps.rollback_request import rollback_plan, rollback_sheet, select_records


def conf(**document: Any) -> Any:
    return parse_rollback_conf({"reason": "broken"} | document)


@pytest.fixture
def two(wave: Any) -> Any:
    """Two registered waves: one with ``a`` (2 servers) and ``b``, the other with ``b`` and ``c``."""
    first = wave({"appName": "a", "servers": 2}, {"appName": "b", "servers": 1})
    second = wave({"appName": "b", "servers": 1}, {"appName": "c", "servers": 1})
    for one in (first, second):
        one.register()
    return first, second


def chosen(driver: Any, **document: Any) -> list[tuple[str, str]]:
    return sorted((one.wave, one.app_name) for one in select_records(driver.services, conf(**document)))


def test_a_wave_is_all_its_migrations(two: Any) -> None:
    first, _ = two
    name = first.plan.wave
    assert chosen(first, wave=name) == [(name, "a"), (name, "a"), (name, "b")]


def test_an_application_is_narrowed_by_its_wave(two: Any) -> None:
    first, second = two
    assert chosen(first, wave=second.plan.wave, applications=["b"]) == [(second.plan.wave, "b")]
    assert len(chosen(first, applications=["b"])) == 2


def test_migrations_are_named_one_by_one(two: Any) -> None:
    first, _ = two
    (record, _) = first.records("a")
    found = select_records(first.services, conf(migrationIds=[record.migration_id]))
    assert [one.migration_id for one in found] == [record.migration_id]


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"wave": "ghost"}, "migrations"),
        ({"applications": ["a", "ghost"]}, "ghost"),
        ({"migrationIds": ["mig-ghost"]}, "mig-ghost"),
    ],
)
def test_what_the_ledger_does_not_know_is_refused(two: Any, document: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInputError, match=named):
        select_records(two[0].services, conf(**document))


def test_an_application_of_another_wave_is_not_left_out_silently(two: Any) -> None:
    first, second = two
    with pytest.raises(InvalidInputError, match=r"in wave .*'c'"):
        select_records(first.services, conf(wave=first.plan.wave, applications=["a", "c"]))
    assert second.records("c")


def test_one_rollback_is_about_one_wave(two: Any) -> None:
    first, _ = two
    document = conf(applications=["b"])
    with pytest.raises(InvalidInputError, match="one wave"):
        rollback_plan(first.services, document, select_records(first.services, document))


def test_the_sheet_shows_each_server_and_fits_beside_the_buttons(two: Any) -> None:
    first, _ = two
    document = conf(wave=first.plan.wave)
    records = select_records(first.services, document)
    plan = rollback_plan(first.services, document, records)
    text, foreign = rollback_sheet(first.services, plan, records, "broken | by <b>ann</b>")
    assert text.index("### `a`") < text.index("### `b`")
    for record in records:
        assert f" `{record.source_server_id}` | PLANNED, READY_FOR_TEST |" in text.replace("\\", "")
    assert max(line.replace("\\|", "").count("|") for line in text.splitlines()) <= 4
    assert "<b>" not in text
    assert foreign == {}
    assert "Not launched by this migration" not in text


def test_two_ids_of_one_server_are_no_obstacle_when_one_is_over(wave: Any) -> None:
    """A first run without ``migrationId``, a second one with it."""
    first = wave({"appName": "app", "servers": 1})
    first.register()
    with pytest.raises(GoalMissedError):
        first.step("close", "app")
    app = first.plan.application("app")
    named = replace(app, servers=(replace(app.servers[0], migration_id=app.migration_ids[0] + "-b"),))
    second = replace(first, plan=replace(first.plan, applications=(named,)))
    second.register()
    for document in ({"wave": first.plan.wave}, {"applications": ["app"], "wave": first.plan.wave}):
        found = select_records(first.services, conf(**document))
        assert [one.migration_id for one in found] == list(named.migration_ids)
        assert rollback_plan(first.services, conf(**document), found).migration_ids == named.migration_ids
    both = [*app.migration_ids, *named.migration_ids]
    with pytest.raises(InvalidInputError, match="one and the same server"):
        select_records(first.services, conf(migrationIds=both))
    assert [one.migration_id for one in select_records(first.services, conf(migrationIds=both[:1]))] == both[:1]
