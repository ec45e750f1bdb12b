"""Every step by the name that tasks and logs use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from migration_ops.steps import (
    close,
    cutover,
    dependencies,
    evidence,
    finalize,
    mark_ready,
    outbound,
    quiesce,
    replication,
    rollback,
    test_launch,
    verify,
    window,
)
from migration_ops.steps.outcome import Outcome
from migration_ops.steps.services import Services, StepInput

Step = Callable[[Services, StepInput], Outcome]

STEPS: Mapping[str, Step] = {
    "replication_ready": replication.run,
    "test_launch": test_launch.run,
    "test_verify": verify.run_test,
    "mark_ready": mark_ready.run,
    "go_no_go": evidence.go_no_go,
    "cutover_window": window.run,
    "wait_for_dependencies": dependencies.run,
    "quiesce": quiesce.run,
    "cutover": cutover.run,
    "cutover_verify": verify.run_cutover,
    "soak": evidence.soak,
    "finalize": finalize.run,
    "update_cmdb": outbound.update_cmdb,
    "send_callback": outbound.send_callback,
    "rollback": rollback.run,
    "close": close.run,
}
