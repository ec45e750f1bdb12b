"""What was written before the package got its floors is still found: triggers by class path, sensors by import path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

RECORDED = json.loads(Path(__file__).with_name("recorded_triggers.json").read_text())


def revived(row: dict[str, Any]) -> Any:
    """As the triggerer does: the class by its path, with the recorded arguments."""
    from airflow._shared.module_loading import import_string

    return import_string(row["classpath"])(**row["kwargs"])


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: row["kwargs"]["topic"])
def test_a_wave_that_was_deferred_before_an_upgrade_finds_its_trigger(row: dict[str, Any]) -> None:
    trigger = revived(row)
    path, arguments = trigger.serialize()
    assert path == "migration_ops.operators.triggers.WatchTrigger"
    assert arguments == row["kwargs"]


def test_sensors_are_found_where_dags_of_others_import_them() -> None:
    from migration_ops.mgn.sensors import MgnJobSensor, MgnReplicationSensor
    from migration_ops.operators import sensors

    assert (MgnJobSensor, MgnReplicationSensor) == (sensors.MgnJobSensor, sensors.MgnReplicationSensor)
