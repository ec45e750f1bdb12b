"""Checks that every DAG can be imported and serialised: a Param can pass the import and fail the serialisation."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from include.local.stack import ROOT


def problems() -> list[str]:
    """What is wrong with the DAGs, one line each."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    bag = DagBag(str(ROOT / "dags"))
    found = [f"{file}: {error}" for file, error in bag.import_errors.items()]
    for dag_id, dag in bag.dags.items():
        try:
            DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            found.append(f"{dag_id} does not survive serialisation: {error}")
    files = [path for path in (ROOT / "dags").glob("*.py") if not path.name.startswith("_")]
    if files and not bag.dags:
        found.append("no DAG was found")
    print(f"{len(bag.dags)} DAGs from {len(files)} files: {', '.join(sorted(bag.dags)) or 'none'}")
    return found


def run() -> int:
    """Checks in this process; 1 when something is wrong."""
    with tempfile.TemporaryDirectory() as home:
        # before the first import of airflow, which would write into the user's own AIRFLOW_HOME
        os.environ.update(AIRFLOW_HOME=home, AIRFLOW__CORE__LOAD_EXAMPLES="False", AIRFLOW__CORE__UNIT_TEST_MODE="True")
        os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(Path(ROOT, "plugins"))
        found = problems()
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0
