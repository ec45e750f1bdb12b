"""Parsing a DAG file costs little and touches nothing: the DAG processor does it all day, every task does it first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dags.dag_files import FILES, ROOT
from tests.dags.importer import Importer

# How long an import takes is also the machine's matter (`make bench` says it); what it loads is ours. The DAGs of the
# security checks load the most (320), each check being a module.
OWN_MODULES_LIMIT = 380
OUTSIDE = {"airflow", "boto3", "pydantic", "graphlib", "statistics", "_statistics"}


@pytest.fixture(scope="module")
def importer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Importer]:
    made = Importer(tmp_path_factory.mktemp("importer"))
    yield made
    made.close()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_import_reads_nothing_but_code(importer: Importer, path: Path) -> None:
    allowed = (str(ROOT), sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parents[1]), "<")
    assert importer.run(path, allowed).error is None


def test_the_guard_guards(importer: Importer, tmp_path: Path) -> None:
    nosy = tmp_path / "nosy.py"
    nosy.write_text("open('/etc/hostname').read()")
    error = importer.run(nosy, (str(ROOT), sys.prefix, sys.base_prefix, str(tmp_path))).error
    assert error is not None
    assert "reads or writes /etc/hostname" in error


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_import_loads_little(importer: Importer, path: Path) -> None:
    loaded, _, error = importer.run(path)
    assert loaded is not None, error
    own = [one for one in loaded if one.split(".")[0] == "migration_ops"]
    assert 0 < len(own) < OWN_MODULES_LIMIT
    assert {one.split(".")[0] for one in loaded} - {"migration_ops"} <= OUTSIDE


def test_a_heavy_library_is_seen(importer: Importer, tmp_path: Path) -> None:
    heavy = tmp_path / "heavy.py"
    heavy.write_text("import networkx")
    loaded, _, error = importer.run(heavy)
    assert error is None
    assert "networkx" in (loaded or [])
