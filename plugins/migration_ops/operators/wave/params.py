"""The trigger forms of the DAGs. The conf itself is checked by ``wave/conf/``; the form only helps to write it."""

from __future__ import annotations

import re
from typing import Any

from airflow.sdk import Param

from migration_ops.wave.conf.model import WaveConf
from migration_ops.wave.conf.rollback import RollbackConf

_TITLES = {
    "wave": "Wave",
    "dryRun": "Dry run: plan and check, change nothing",
    "awsConnId": "AWS connection",
    "region": "AWS Region",
    "mgnWaveId": "MGN wave to read applications and servers from",
    "accountId": "AWS account the connection must lead to",
    "onFailure": "When an application fails",
    "cmdb": "CMDB",
    "callbackUrl": "Callback URL",
}
# One type per field, or one and null: for several the form makes a text box, which reads an account id as a number.
_KEYS_OF_TYPE = {
    "string": ("wave", "awsConnId", "region", "accountId", "mgnWaveId", "callbackUrl", "changeTicket", "reason"),
    "boolean": ("dryRun", "testLaunch", "finalize"),
    "number": ("soakMinutes", "timeoutMinutes"),
    "integer": ("failureThreshold",),
    "object": ("replication", "approvals", "cutoverWindow", "finalSync", "cmdb", "quiesce"),
    "array": ("migrationIds", "approvers", "applications"),
}
_SCHEMAS: dict[str, dict[str, Any]] = {
    **{key: {"type": kind} for kind, keys in _KEYS_OF_TYPE.items() for key in keys},
    "onFailure": {"enum": ["ask", "rollback", "hold"]},
}
# Without item types the form shows an array as a box with one string per line; with them it is edited as JSON. All
# types are listed, so that a malformed application still reaches the plan task.
_OF_OBJECTS: dict[str, Any] = {
    "type": "array",
    "items": {"type": ["object", "array", "string", "number", "boolean", "null"]},
}


def wave_params() -> dict[str, Param]:
    """The form of ``migration_wave``."""
    return _form(WaveConf(wave="wave-1"))


def rollback_params() -> dict[str, Param]:
    """The form of ``migration_rollback``. The reason has no valid default: a person has to write it."""
    return _form(RollbackConf(reason="-")) | {
        "reason": Param("", type="string", title="Why", description="Kept in the ledger, shown to the approver")
    }


def _form(conf: WaveConf | RollbackConf) -> dict[str, Param]:
    """One form field per key of the conf, with the conf's own default and help.

    Types only: a value out of bounds must reach the plan task, whose error names all findings at once.
    """
    defaults = conf.as_document()
    params = {}
    for field in type(conf).model_fields.values():
        key = str(field.alias)
        schema = _OF_OBJECTS if key == "applications" and isinstance(conf, WaveConf) else _SCHEMAS[key]
        if defaults[key] is None and isinstance(schema.get("type"), str):
            schema = {"type": [schema["type"], "null"]}
        # Never a "description" inside the schema: Airflow's deserialization would silently drop the DAG.
        title = _TITLES.get(key) or _spaced(key)
        params[key] = Param(
            defaults[key], description=(field.description or title).replace("``", ""), title=title, **schema
        )
    return params


def _spaced(key: str) -> str:
    """``soakMinutes`` as a form shows it: ``Soak minutes``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key).split()
    return " ".join([words[0].capitalize(), *(one.lower() for one in words[1:])])
