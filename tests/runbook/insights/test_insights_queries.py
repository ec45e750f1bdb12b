"""The policy of every query file, and how parameters get into a query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from include.sandbox.insights.evaluator import check
from include.sandbox.insights.language import Command, parse
from migration_ops.core.errors import InvalidInput
from migration_ops.core.states import Phase
from migration_ops.core.thresholds import Thresholds
from migration_ops.integrations.telemetry.batches import document_of
from migration_ops.ledger.protocol import Record
from migration_ops.runbook.insights import QUERIES
from migration_ops.runbook.insights.query import DIRECTORY, PLACEHOLDER, Query, quoted, read_query
from tests.dags.dag_files import dag

EXAMPLES = {"string": "mig-web01", "integer": 5}
# What every event has, whoever wrote it.
SYSTEM = {"@timestamp", "@message", "@logStream", "@log"}
# AWS's quota of queries at once is 100 an account; this DAG keeps far below it.
MAX_QUERIES = 20


def example(query: Query) -> str:
    return query.filled({one.name: EXAMPLES[one.type] for one in query.parameters})


def written_by_telemetry() -> set[str]:
    """The names in a line of ``telemetry.Telemetry``: its head, and a record in which everything is known."""
    record = Record(
        "mig-1",
        "wave",
        "app",
        "s-1",
        Phase.FAILED,
        correlation_id="c",
        dag_run_id="r",
        job_id="j",
        instance_id="i",
        replication_lag_seconds=1.0,
        error_code="E",
        error_message="m",
    )
    return set(document_of(record)) | {"timestamp", "level", "event", "detail"}


def fields_of(node: Any) -> Iterator[str]:
    if isinstance(node, tuple) and node and node[0] == "field":
        yield node[1]
    elif isinstance(node, (tuple, list)):
        for one in node:
            yield from fields_of(one)


def used(command: Command) -> set[str]:
    parts = [one.node for one in (*command.items, *command.by)] + [node for node, _ in command.order]
    return set(fields_of(parts)) | set(fields_of(command.condition))


def test_the_list_of_queries_is_the_directory() -> None:
    assert sorted(QUERIES) == sorted(one.stem for one in DIRECTORY.glob("*.cwli"))
    assert sorted(QUERIES) == sorted(one.stem for one in DIRECTORY.glob("*.yaml"))
    assert len(QUERIES) <= MAX_QUERIES


@pytest.mark.parametrize("name", QUERIES)
class TestPolicy:
    def test_it_is_a_query(self, name: str) -> None:
        check(parse(example(read_query(name))))

    def test_every_parameter_is_declared_and_used(self, name: str) -> None:
        query = read_query(name)
        assert set(PLACEHOLDER.findall(query.text)) == {one.name for one in query.parameters}

    def test_every_parameter_is_in_the_form(self, name: str) -> None:
        params = dag("runbook_log_insights").params
        for one in read_query(name).parameters:
            kinds = params.get_param(one.name).schema["type"]
            assert one.type in ([kinds] if isinstance(kinds, str) else kinds)
            assert params[one.name] == one.default

    def test_it_is_bounded(self, name: str) -> None:
        commands = parse(example(read_query(name)))
        assert [one.name for one in commands].count("limit") == 1
        assert commands[-1].name == "limit"

    def test_it_is_ordered_in_so_many_words(self, name: str) -> None:
        line = next(one for one in read_query(name).text.splitlines() if one.startswith("| sort"))
        assert all(one.split()[-1] in ("asc", "desc") for one in line.removeprefix("| sort").split(","))

    def test_no_fields_are_dead(self, name: str) -> None:
        names = [one.name for one in parse(example(read_query(name)))]
        assert not ("stats" in names and "fields" in names)

    def test_its_fields_are_those_that_telemetry_writes(self, name: str) -> None:
        known = SYSTEM | written_by_telemetry()
        for command in parse(example(read_query(name))):
            assert used(command) <= known, command.name
            if command.name == "stats":
                known = {one.name for one in (*command.items, *command.by)}

    def test_its_chart_shows_columns_of_it(self, name: str) -> None:
        query = read_query(name)
        assert query.chart
        commands = parse(example(query))
        columns = {one.name for command in commands for one in (*command.items, *command.by)}
        shown = {query.chart.x, query.chart.y, query.chart.series} - {None}
        assert shown <= columns

    def test_its_limit_is_a_threshold_and_a_column(self, name: str) -> None:
        query = read_query(name)
        if query.limit:
            assert query.limit.of(Thresholds()) >= 0
            assert f"as {query.limit.column}" in query.text


def test_the_lag_is_averaged_over_all_readings() -> None:
    """The runbook filtered by the limit first, which says nothing about the mean."""
    filters = [one for one in parse(example(read_query("replication_lag"))) if one.name == "filter"]
    assert [one.condition for one in filters] == [("call", "ispresent", [("field", "replicationLag")])]


# Parameters

HOSTILE = [
    'x" or 1 = 1',
    'x"\n| fields @message',
    "x | fields @message",
    "${migrationId}",
    "mig-1\n",
    "mig-1 ",
    "",
    'mig"',
    "mig\\",
    "a" * 300,
    7,
    True,
    ["mig-1"],
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_that_is_no_migration_id_gets_into_no_query(value: Any) -> None:
    with pytest.raises(InvalidInput):
        read_query("track_migration").filled({"migrationId": value})


@pytest.mark.parametrize("value", [0, 61, -5, 5.0, "5", "5m) as x | limit 1 #", True])
def test_a_number_is_one_within_its_bounds(value: Any) -> None:
    with pytest.raises(InvalidInput):
        read_query("replication_lag").filled({"binMinutes": value})


def test_none_is_the_default_and_others_parameters_are_left_alone() -> None:
    text = read_query("replication_lag").filled({"binMinutes": None, "migrationId": "mig-1"})
    assert "bin(5m)" in text
    assert "mig-1" not in text


def test_a_parameter_without_a_default_is_needed() -> None:
    query = read_query("track_migration")
    assert query.missing({"migrationId": None}) == ["migrationId"]
    with pytest.raises(InvalidInput, match="needs it"):
        query.filled({})


@pytest.mark.parametrize("text", ['a"b', "a\\b", 'a\\"b', "back\\\\slash", "${x}", "it's"])
def test_a_literal_says_exactly_its_text(text: str) -> None:
    assert parse(f"filter a = {quoted(text)}")[0].condition == ("compare", "=", ("field", "a"), ("value", text))


@pytest.mark.parametrize("text", ["a\nb", "a\x00", "a\x1b[0m"])
def test_control_characters_stand_in_no_literal(text: str) -> None:
    with pytest.raises(InvalidInput):
        quoted(text)


def test_a_value_is_never_filled_in_twice() -> None:
    parameters = [{"name": name, "type": "string", "pattern": ".*"} for name in ("a", "b")]
    query = Query(name="q", text="filter x = ${a} or y = ${b}", title="", about="", section="", parameters=parameters)
    assert query.filled({"a": "${b}", "b": "secret"}) == 'filter x = "${b}" or y = "secret"'


def test_a_placeholder_that_is_no_parameter_is_refused() -> None:
    query = Query(name="q", text="filter x = ${a}", title="", about="", section="")
    with pytest.raises(InvalidInput, match="no such parameters"):
        query.filled({"a": "1"})
