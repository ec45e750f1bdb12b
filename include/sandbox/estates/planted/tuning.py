"""State machines whose tasks may hang or give up at once, and a ledger from which nothing expires any more."""

from __future__ import annotations

from typing import Any

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.stepfunctions import make_state_machine
from include.sandbox.estates.estate import Expected

PATIENT = {"ErrorEquals": ["States.ALL"], "BackoffRate": 2.0, "JitterStrategy": "FULL"}


def plant(account: Account) -> Expected:
    make_state_machine(account, "hanging-workflow", definition=_around(_task(Retry=[PATIENT])))
    hasty = [PATIENT | {"BackoffRate": 1.0}]
    make_state_machine(account, "hasty-workflow", definition=_around(_task(Retry=hasty, TimeoutSeconds=60)))
    table = account.settings["MIGRATION_OPS_TABLE_NAME"]
    account.client("dynamodb").update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": False, "AttributeName": "expiresAt"}
    )
    return {
        "states_task_timeouts": {"hanging-workflow"},
        "states_task_retries": {"hasty-workflow"},
        "dynamodb_ledger_expiry": {table},
    }


def _task(**more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True, **more}


def _around(task: dict[str, Any]) -> dict[str, Any]:
    """The task inside a branch inside a map: where it is found must not matter."""
    branch = {"StartAt": "Work", "States": {"Work": task}}
    each = {"Type": "Parallel", "Branches": [branch], "End": True}
    many = {"Type": "Map", "ItemProcessor": {"StartAt": "Each", "States": {"Each": each}}, "End": True}
    return {"StartAt": "Many", "States": {"Many": many}}
