"""An alarm and the check of the same metric have one limit: what a setting allows the one, it allows the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from migration_ops.core.facts import Snapshot
from migration_ops.core.thresholds import ConfigPart, Thresholds
from migration_ops.runbook.alarms.registry import KINDS_BY_NAME
from migration_ops.runbook.checks.check import Check
from tests.runbook.alarms.test_alarms_wanted import EXAMPLES

NONE = {"values": [], "times": []}
RULE = {"name": "custom/own", "bus": "custom", "state": "ENABLED", "targets": []}
RULE |= dict.fromkeys(("failedInvocations", "undelivered", "throttled"), NONE)
ENDS = ("FAILED", "TIMED_OUT", "ABORTED")
MACHINE = {"name": "waves", "kind": "EXPRESS", "metrics": dict.fromkeys(ENDS, NONE)}
CALLS = {"values": [100.0], "times": ["2026-11-27T00:00:00+00:00"]}
FUNCTION = {"name": "validate", "errors": {**CALLS, "values": [0.0]}, "invocations": CALLS}
PART = {"name": "state", "readThrottles": NONE, "writeThrottles": NONE}
SERVER = {
    "migrationId": "m",
    "isListed": True,
    "needsReplication": True,
    "replicationState": "CONTINUOUS",
    "lagSeconds": 0,
    "seenAgeSeconds": 60,
    "lifecycleState": "READY_FOR_CUTOVER",
    "wave": "w",
}
QUEUE = {"name": "jobs-dlq", "isDeadLetter": True, "namedBy": ["jobs"], "attributes": {"visible": 0, "inFlight": 0}}
# Kind of alarm, end of the alarm's name: the check of the same metric, where its subjects are, and one that is well.
SIBLINGS: dict[tuple[str, str], tuple[str, str, dict[str, Any]]] = {
    ("dead_letters", "jobs-dlq"): ("sqs_dead_letter_depth", "sqs.queues", QUEUE),
    ("replication_lag", "s-1"): ("mgn_server_replication_lag", "mgn.servers", SERVER),
    ("function_error_rate", "validate"): ("lambda_function_error_rate", "functions.functions", FUNCTION),
    ("executions_failed", "/ExecutionsFailed"): (
        "stepfunctions_statemachine_failed_executions",
        "stepfunctions.stateMachines",
        MACHINE,
    ),
    ("executions_failed", "/ExecutionsTimedOut"): (
        "stepfunctions_statemachine_timed_out_executions",
        "stepfunctions.stateMachines",
        MACHINE,
    ),
    ("executions_failed", "/ExecutionsAborted"): (
        "stepfunctions_statemachine_aborted_executions",
        "stepfunctions.stateMachines",
        MACHINE,
    ),
    ("rule_failures", "/FailedInvocations"): ("events_rule_failed_invocations", "events.rules", RULE),
    ("rule_failures", "/InvocationsFailedToBeSentToDlq"): ("events_rule_undelivered", "events.rules", RULE),
    ("rule_failures", "/ThrottledRules"): ("events_rule_throttled", "events.rules", RULE),
    ("table_throttles", "Events"): ("dynamodb_table_throttles", "dynamodb.parts", PART),
}
# It watches errors where there are too few calls for a rate; its check has no limit there, and any error warns.
WITHOUT_LIMIT = {"function_few_calls"}
BY_DEFAULT = Thresholds()


def changed() -> Iterator[tuple[str, Thresholds]]:
    """Each limit of the configuration, raised by seven, with all others as they are by default."""
    for part in Thresholds.model_fields:
        given: ConfigPart = getattr(BY_DEFAULT, part)
        for name in type(given).model_fields:
            value = getattr(given, name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                more = given.model_copy(update={name: value + 7})
                yield f"{part}.{name}", BY_DEFAULT.model_copy(update={part: more})


CHANGED = dict(changed())


def thresholds(kind: str, ending: str, limits: Thresholds) -> list[float]:
    known = KINDS_BY_NAME[kind]
    made = [one for each in EXAMPLES[known.subjects] for one in known.wanted(Snapshot(each), limits)]
    return [one.threshold for one in made if one.name.endswith(ending)]


def limit_of(check_id: str, where: str, thing: dict[str, Any], limits: Thresholds) -> Any:
    group, name = where.split(".")
    return next(iter(Check("health", check_id).run(Snapshot({group: {name: [thing]}}), limits))).limit


def test_each_kind_of_alarm_is_compared() -> None:
    assert {kind for kind, _ in SIBLINGS} | WITHOUT_LIMIT == set(KINDS_BY_NAME)
    for kind, known in KINDS_BY_NAME.items():
        names = [one.name for each in EXAMPLES[known.subjects] for one in known.wanted(Snapshot(each), BY_DEFAULT)]
        ends = [ending for other, ending in SIBLINGS if other == kind]
        assert kind in WITHOUT_LIMIT or all(any(name.endswith(end) for end in ends) for name in names), names


@pytest.mark.parametrize(("kind", "ending"), SIBLINGS)
def test_the_settings_that_move_the_check_move_the_alarm(kind: str, ending: str) -> None:
    check = SIBLINGS[kind, ending]
    before = thresholds(kind, ending, BY_DEFAULT), limit_of(*check, BY_DEFAULT)
    assert before[0]
    moved = {
        name: (thresholds(kind, ending, limits) != before[0], limit_of(*check, limits) != before[1])
        for name, limits in CHANGED.items()
    }
    assert {name for name, (alarm, _) in moved.items() if alarm} == {name for name, (_, seen) in moved.items() if seen}
    assert any(seen for _, seen in moved.values())
