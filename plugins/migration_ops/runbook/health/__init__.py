"""Daily operations: what must be well every two hours. One check a file, its metadata beside it."""

from __future__ import annotations

from migration_ops.runbook.judging import Chapter

CHAPTER = Chapter(
    name="health",
    readers=("sqs", "functions", "logs", "stepfunctions"),
    check_ids=(
        "sqs_queue_visible_messages",
        "sqs_queue_in_flight",
        "sqs_queue_delayed",
        "sqs_queue_oldest_message_age",
        "sqs_dead_letter_depth",
        "lambda_function_error_rate",
        "lambda_function_throttles",
        "lambda_function_log_errors",
        "stepfunctions_statemachine_failed_executions",
        "stepfunctions_statemachine_timed_out_executions",
        "stepfunctions_statemachine_aborted_executions",
        "stepfunctions_statemachine_stuck_executions",
        "stepfunctions_statemachine_throttled",
    ),
)
