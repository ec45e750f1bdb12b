"""Daily operations: what must be well every two hours. One check a file, its metadata beside it."""

from __future__ import annotations

from migration_ops.runbook.checks.check import Chapter

CHAPTER = Chapter(
    name="health",
    readers=(
        "sqs",
        "functions",
        "logs",
        "stepfunctions",
        "events",
        "dynamodb",
        "cloudwatch",
        "ledger",
        "mgn",
        "airflow",
    ),
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
        "events_rule_failed_invocations",
        "events_rule_undelivered",
        "events_rule_throttled",
        "events_rule_delivers",
        "dynamodb_table_throttles",
        "dynamodb_table_status",
        "dynamodb_table_system_errors",
        "ledger_active_migrations",
        "ledger_migration_stuck",
        "ledger_migration_frozen",
        "mgn_server_replication_lag",
        "mgn_server_replication_stalled",
        "cloudwatch_alarm_in_alarm",
        "cloudwatch_alarm_insufficient_data",
        "cloudwatch_dashboard_data",
        "airflow_dag_failed_runs",
        "airflow_approval_waiting",
        "airflow_component_heartbeat",
    ),
)
