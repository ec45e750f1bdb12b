"""Every step by the name that tasks and logs use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.steps import (
    close,
    cutover,
    cutover_window,
    finalize,
    launch_test,
    mark_ready,
    quiesce,
    replication_ready,
    report_results,
    rollback,
    sheets,
    verify,
    wait_for_dependencies,
)
from migration_ops.wave.waits.outcome import Outcome

Step = Callable[[Services, StepInput], Outcome]

STEPS: Mapping[str, Step] = {
    "replication_ready": replication_ready.run,
    "test_launch": launch_test.run,
    "test_verify": verify.run_test,
    "mark_ready": mark_ready.run,
    "go_no_go": sheets.go_no_go,
    "cutover_window": cutover_window.run,
    "wait_for_dependencies": wait_for_dependencies.run,
    "quiesce": quiesce.run,
    "cutover": cutover.run,
    "cutover_verify": verify.run_cutover,
    "soak": sheets.soak,
    "finalize": finalize.run,
    "update_cmdb": report_results.update_cmdb,
    "send_callback": report_results.send_callback,
    "rollback": rollback.run,
    "update_cmdb_after_rollback": report_results.update_cmdb_after_rollback,
    "send_callback_after_rollback": report_results.send_callback_after_rollback,
    "close": close.run,
}
