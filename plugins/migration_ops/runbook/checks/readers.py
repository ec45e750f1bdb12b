"""The readers that chapters list by name: where each is, and how it is asked."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from migration_ops.runbook.checks.expectations import with_expectations

# Modules with a function ``read``, below migration_ops.
READERS = {
    "acceptances": "runbook.acceptances",
    "accessanalyzer": "aws.inventory.iam_access_analyzer",
    "advisories": "runbook.scanners.advisories",
    "airflow": "aws.inventory.airflow",
    "audit_lambda": "aws.inventory.lambda_audit",
    "audit_sqs": "aws.inventory.sqs_audit",
    "audit_states": "aws.inventory.stepfunctions_audit",
    "backups": "runbook.backup.newest",
    "cloudwatch": "aws.inventory.cloudwatch",
    "cost_explorer": "aws.inventory.cost",
    "cost_week": "aws.inventory.cost_week",
    "dependencies": "runbook.scanners.dependencies",
    "dynamodb": "aws.inventory.dynamodb",
    "eventbus": "aws.inventory.events_bus",
    "events": "aws.inventory.events",
    "function_runtimes": "aws.inventory.lambda_runtimes_used",
    "functions": "aws.inventory.lambda_functions",
    "growth": "ledger.growth",
    "iam": "aws.inventory.iam",
    "idle": "aws.inventory.ec2_idle",
    "instances": "aws.inventory.ec2_instances",
    "kms": "aws.inventory.kms",
    "ledger": "ledger.queries",
    "ledger_durations": "ledger.durations",
    "ledger_expiry": "aws.inventory.dynamodb_ledger_expiry",
    "ledger_outcomes": "ledger.outcomes",
    "ledger_table": "aws.inventory.dynamodb_ledger_table",
    "log_groups": "aws.inventory.logs_groups",
    "logs": "aws.inventory.logs",
    "mgn": "ledger.replication",
    "own_dags": "aws.inventory.airflow_dags",
    "patch_compliance": "aws.inventory.ssm",
    "performance_lambda": "aws.inventory.lambda_performance",
    "performance_states": "aws.inventory.stepfunctions_performance",
    "performance_table": "aws.inventory.dynamodb_performance",
    "quotas": "aws.inventory.quotas",
    "s3": "aws.inventory.s3",
    "secretsmanager": "aws.inventory.secretsmanager",
    "sns": "aws.inventory.sns",
    "sqs": "aws.inventory.sqs",
    "ssm_documents": "aws.inventory.ssm_documents",
    "staging": "ledger.staging",
    "state_definitions": "aws.inventory.stepfunctions_definitions",
    "stepfunctions": "aws.inventory.stepfunctions",
    "table_mode": "aws.inventory.dynamodb_mode",
}


def read_with(name: str, reader: Any) -> dict[str, Any]:
    """What the reader of this name reads, and which of its empty lists are no fault (``expectations``)."""
    module = importlib.import_module(f"migration_ops.{READERS[name]}")
    read: Callable[[Any], dict[str, Any]] = module.read
    return with_expectations(name, read(reader), reader.config.resources, reader.settings)
