"""The map of tests is whole and true: every row, no cell empty, every test there and about its row."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache

import pytest

from tests.coverage_map.cells import COLUMNS, EACH, Cell, Kind, cells_with_tests, parse, read_map, reason_of
from tests.coverage_map.page import page
from tests.coverage_map.rows import ROOT, rows
from tests.coverage_map.words import definitions, name_via, words_of, words_via

MAP = read_map()
NAMED = list(cells_with_tests(MAP))
IDS = [f"{kind}-{row}-{column}" for kind, row, column, _ in NAMED]


def problems(kind: Kind, names: set[str]) -> list[str]:
    """What is missing or too much in the table of a kind whose rows are these."""
    given = set(kind.rows) - {EACH}
    found = [f"{one}: the code has no such row" for one in sorted(given - names)]
    columns, of_each = set(kind.columns), set(kind.rows.get(EACH, {}))
    found += [f"{row}: no column {one}" for row in kind.rows for one in sorted(set(kind.rows[row]) - columns)]
    for row in sorted(names):
        missing = columns - of_each - set(kind.rows.get(row, {}))
        found += [f"{row}: no cell {one}" for one in sorted(missing)]
    return found


@cache
def exists(cell: Cell) -> bool:
    file = ROOT / cell.path
    return file.exists() and cell.name in definitions(file) and cell.name.rsplit("::", 1)[-1].startswith("test_")


def is_about(cell: Cell, words: frozenset[str]) -> bool:
    """Whether the test speaks of the row, itself or through the helper that the cell names."""
    own = words_of(ROOT, cell.path, cell.name)
    if not cell.via:
        return bool(words & own)
    return name_via(cell.via) in own and bool(words & words_via(ROOT, cell.via))


@cache
def collected() -> frozenset[str]:
    """What pytest collects of the files whose parameters count."""
    files = {cell.path for _, row, _, cell in NAMED if row == EACH or cell.parameters}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *sorted(files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return frozenset(line for line in done.stdout.splitlines() if "::" in line)


def parameters(cell: Cell, ids: frozenset[str]) -> set[str]:
    """Of a test, each by itself."""
    found = (re.fullmatch(re.escape(f"{cell.path}::{cell.name}") + r"\[(.+)\]", one) for one in ids)
    return {part for one in found if one for part in (one[1], *one[1].split("-"))}


def test_each_kind_of_the_code_has_a_table() -> None:
    assert set(MAP) == set(rows())


@pytest.mark.parametrize("kind", MAP)
def test_a_table_has_every_row_of_the_code_and_no_other(kind: str) -> None:
    assert rows()[kind]
    assert problems(MAP[kind], set(rows()[kind])) == []


@pytest.mark.parametrize("kind", MAP)
def test_a_column_is_there_or_says_why_not(kind: str) -> None:
    columns, without = set(MAP[kind].columns), set(MAP[kind].without)
    assert set(COLUMNS) <= columns | without
    assert not columns & without


@pytest.mark.parametrize(("kind", "row", "column", "cell"), NAMED, ids=IDS)
def test_a_named_test_exists(kind: str, row: str, column: str, cell: Cell) -> None:
    assert exists(cell), f"{cell.node_id} is gone"


@pytest.mark.parametrize(("kind", "row", "column", "cell"), NAMED, ids=IDS)
def test_a_named_test_is_about_its_row(kind: str, row: str, column: str, cell: Cell) -> None:
    if row != EACH:
        assert is_about(cell, rows()[kind][row]), f"{cell.node_id} does not speak of {row}"


@pytest.mark.parametrize(("kind", "row", "column", "cell"), NAMED, ids=IDS)
def test_a_test_for_all_rows_has_each_among_its_parameters(kind: str, row: str, column: str, cell: Cell) -> None:
    if row == EACH:
        missing = MAP[kind].shared(column, rows()[kind]) - parameters(cell, collected())
        assert sorted(missing) == []
    elif cell.parameters:
        assert cell.node_id in collected()


def test_the_page_in_docs_is_the_map() -> None:
    written = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    assert written == page(MAP), "python -m tests.coverage_map > docs/coverage.md"


class TestTheMapItself:
    """Its rules can stay shut."""

    THIS = "tests/coverage_map/test_coverage_map.py"

    def test_a_row_without_cells_is_seen(self) -> None:
        cell = parse("-: nothing can be refused")
        kind = Kind("steps", {"happy": ""}, {}, {"cutover": {"happy": cell}, "gone": {"sad": cell}})
        assert problems(kind, {"cutover", "finalize"}) == [
            "gone: the code has no such row",
            "gone: no column sad",
            "finalize: no cell happy",
        ]

    def test_what_each_row_has_is_enough(self) -> None:
        cell = parse("-: nothing can be refused")
        kind = Kind("steps", {"happy": "", "refused": ""}, {}, {EACH: {"happy": cell}, "cutover": {"refused": cell}})
        assert problems(kind, {"cutover", "close"}) == ["close: no cell refused"]
        assert kind.shared("refused", ["cutover", "close"]) == {"close"}

    @pytest.mark.parametrize("text", ["-: none", "-: todo write a test", "-: written later", "", "tests/x.py"])
    def test_a_cell_that_says_nothing_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="reason"):
            parse(text)

    @pytest.mark.parametrize("name", ["test_that_is_not_there", "exists", "TestTheMapItself"])
    def test_what_is_no_test_does_not_exist(self, name: str) -> None:
        assert not exists(parse(f"{self.THIS}::{name}"))
        assert not exists(parse(f"tests/no/such/file.py::{name}"))

    def test_a_test_is_about_what_it_names_and_about_nothing_else(self) -> None:
        assert is_about(parse(f"{self.THIS}::test_each_kind_of_the_code_has_a_table"), frozenset({"rows"}))
        assert not is_about(parse(f"{self.THIS}::test_each_kind_of_the_code_has_a_table"), frozenset({"rows_"}))
        assert not is_about(parse(f"{self.THIS}::TestTheMapItself::test_a_reason_has_words"), frozenset({"cutover"}))

    def test_a_helper_counts_only_when_the_test_names_it(self) -> None:
        helper = "tests/wave/steps/wave_driver.py::Driver::finish"
        flow = "tests/wave/steps/test_flow.py::test_an_instance_that_broke_after_the_approval_is_not_finalized"
        assert is_about(parse(f"{flow} via {helper}"), frozenset({"close"}))
        assert not is_about(parse(f"{self.THIS}::test_a_named_test_exists via {helper}"), frozenset({"close"}))

    def test_a_parameter_that_is_missing_is_seen(self) -> None:
        cell = parse("tests/a.py::test_x")
        ids = frozenset({"tests/a.py::test_x[health-one]", "tests/a.py::test_xy[two]", "tests/a.py::test_x"})
        assert parameters(cell, ids) == {"health-one", "health", "one"}

    def test_a_reason_has_words(self) -> None:
        assert reason_of("  it only\n reads ") == "it only reads"
