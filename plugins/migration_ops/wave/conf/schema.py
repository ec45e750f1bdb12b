"""The JSON schema of the conf: ``python -m migration_ops.wave.conf.schema > include/schemas/wave_conf.json``."""

from __future__ import annotations

import json
import sys
from typing import Any

from migration_ops.wave.conf.model import WaveConf


def wave_conf_schema() -> dict[str, Any]:
    """JSON schema (2020-12) of ``migration_wave``'s conf: types, bounds, defaults, titles and help."""
    schema = WaveConf.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "wave_conf.json"} | schema


def schema_text() -> str:
    """The schema as it is kept in the file."""
    return json.dumps(wave_conf_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
