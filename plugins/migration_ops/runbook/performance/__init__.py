"""Monthly performance review: what is slow, too small, too large or bought and not used. One check a file."""

from __future__ import annotations

from migration_ops.runbook.checks.check import Chapter

CHAPTER = Chapter(
    name="performance",
    readers=(
        "performance_lambda",
        "performance_states",
        "performance_table",
        "ledger_durations",
        "state_definitions",
        "ledger_expiry",
    ),
    check_ids=(
        "lambda_duration_near_timeout",
        "lambda_memory_too_small",
        "lambda_memory_too_large",
        "lambda_reserved_concurrency_reached",
        "lambda_provisioned_concurrency_unused",
        "states_execution_duration",
        "states_transitions_per_execution",
        "states_task_timeouts",
        "states_task_retries",
        "dynamodb_index_write_amplification",
        "dynamodb_hot_key",
        "dynamodb_ledger_expiry",
        "ledger_slow_step",
    ),
)
