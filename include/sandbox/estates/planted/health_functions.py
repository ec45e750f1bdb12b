"""Functions and state machines that do not work; each problem on one of its own."""

from __future__ import annotations

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.lambda_ import make_function
from include.sandbox.estates.clean.logs import write_lines
from include.sandbox.estates.clean.stepfunctions import make_execution, make_state_machine
from include.sandbox.estates.estate import Expected

# What Lambda writes of a function that is killed for want of memory: no line of it has the word ERROR.
KILLED = (
    "START RequestId: 5c1d9a3e-7f5b-4b0a-8f7e-2d6c4b1a0e9f Version: $LATEST",
    "RequestId: 5c1d9a3e-7f5b-4b0a-8f7e-2d6c4b1a0e9f Error: Runtime exited with error: signal: killed",
    "2026-01-01T00:00:00.000Z 5c1d9a3e-7f5b-4b0a-8f7e-2d6c4b1a0e9f Task timed out after 60.00 seconds",
)


def plant(account: Account) -> Expected:
    return _functions(account) | _state_machines(account)


def _functions(account: Account) -> Expected:
    make_function(account, "failing-function", invocations=(60, 60), errors=(0, 3))
    make_function(account, "rarely-called-function", invocations=(3,), errors=(1,))
    make_function(account, "throttled-function", throttles=(0, 7))
    make_function(account, "noisy-function")
    write_lines(account, "/aws/lambda/noisy-function", KILLED, stream="a-run")
    write_lines(account, "/aws/lambda/noisy-function", KILLED[:1], stream="b-run")
    return {
        "lambda_function_error_rate": {"failing-function", "rarely-called-function"},
        "lambda_function_throttles": {"throttled-function"},
        "lambda_function_log_errors": {"noisy-function"},
    }


def _state_machines(account: Account) -> Expected:
    failing = make_state_machine(account, "failing-workflow")
    for number in range(3):
        make_execution(
            account,
            failing,
            f"failed-{number}",
            status="FAILED",
            started_minutes_ago=70,
            ended_minutes_ago=15 + 10 * number,
            error="States.TaskFailed",
            cause="MGN refused StartCutover: ConflictException",
            states=["Verify", "Cutover"],
        )
    fast = make_state_machine(account, "failing-express", kind="EXPRESS")
    account.metric("AWS/States", "ExecutionsFailed", {"StateMachineArn": fast}, 2, 1)
    account.metric("AWS/States", "ExecutionTime", {"StateMachineArn": fast}, 2_400, 900)
    slow = make_state_machine(account, "slow-workflow")
    make_execution(account, slow, "too-late", status="TIMED_OUT", started_minutes_ago=380, ended_minutes_ago=20)
    stopped = make_state_machine(account, "stopped-workflow")
    make_execution(account, stopped, "stopped", status="ABORTED", started_minutes_ago=90, ended_minutes_ago=25)
    stuck = make_state_machine(account, "stuck-workflow")
    make_execution(account, stuck, "waits-for-ever", status="RUNNING", started_minutes_ago=1500)
    make_execution(account, stuck, "young", status="RUNNING", started_minutes_ago=5)
    throttled = make_state_machine(account, "throttled-workflow")
    account.metric("AWS/States", "ExecutionThrottled", {"StateMachineArn": throttled}, 4)
    return {
        "stepfunctions_statemachine_failed_executions": {"failing-workflow", "failing-express"},
        "stepfunctions_statemachine_timed_out_executions": {"slow-workflow"},
        "stepfunctions_statemachine_aborted_executions": {"stopped-workflow"},
        "stepfunctions_statemachine_stuck_executions": {"stuck-workflow"},
        "stepfunctions_statemachine_throttled": {"throttled-workflow"},
    }
