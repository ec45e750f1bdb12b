"""What is slow, too small, too large, or bought and not used; each on a resource of its own."""

from __future__ import annotations

from datetime import timedelta

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.lambda_ import make_function
from include.sandbox.estates.clean.stepfunctions import make_execution, make_state_machine
from include.sandbox.estates.clean.tables import make_table
from include.sandbox.estates.clean.weekly import TO_FINALIZED
from include.sandbox.estates.estate import Expected
from migration_ops.core.states import Phase
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Record

SLOW_MINUTES, USUAL_MINUTES = 150, 4


def plant(account: Account) -> Expected:
    return _functions(account) | _state_machines(account) | _tables(account) | _step(account)


def _functions(account: Account) -> Expected:
    make_function(account, "nearly-timed-out", durations_ms=(52_000, 58_000))
    make_function(account, "starved-function", used_mb=250)
    make_function(account, "oversized-function", used_mb=90, MemorySize=1024)
    lambda_ = account.client("lambda")
    make_function(account, "capped-function")
    lambda_.put_function_concurrency(FunctionName="capped-function", ReservedConcurrentExecutions=10)
    account.metric("AWS/Lambda", "ConcurrentExecutions", {"FunctionName": "capped-function"}, 6, 10)
    make_function(account, "preheated-function", Publish=True)
    lambda_.create_alias(FunctionName="preheated-function", Name="live", FunctionVersion="1")
    lambda_.put_provisioned_concurrency_config(
        FunctionName="preheated-function", Qualifier="live", ProvisionedConcurrentExecutions=5
    )
    return {
        "lambda_duration_near_timeout": {"nearly-timed-out"},
        "lambda_memory_too_small": {"starved-function"},
        "lambda_memory_too_large": {"oversized-function"},
        "lambda_reserved_concurrency_reached": {"capped-function"},
        "lambda_provisioned_concurrency_unused": {"preheated-function"},
    }


def _state_machines(account: Account) -> Expected:
    long = make_state_machine(account, "day-long-workflow")
    make_execution(account, long, "day-long", started_minutes_ago=900, ended_minutes_ago=30)
    chatty = make_state_machine(account, "polling-workflow")
    make_execution(account, chatty, "polls", states=["IsItDone"] * 1_001)
    return {
        "states_execution_duration": {"day-long-workflow"},
        "states_transitions_per_execution": {"polling-workflow"},
    }


def _tables(account: Account) -> Expected:
    wide = {"TableName": make_table(account, "wide-index-table", index="status-index")}
    account.metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", wide, 50, 50)
    index = {"GlobalSecondaryIndexName": "status-index"}
    account.metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", wide | index, 450, 450)
    hot = {"TableName": make_table(account, "hot-key-table", index="status-index")}
    account.metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", hot, 100)
    account.metric("AWS/DynamoDB", "WriteKeyRangeThroughputThrottleEvents", hot | index, 5, 7)
    return {
        "dynamodb_index_write_amplification": {"wide-index-table"},
        "dynamodb_hot_key": {"hot-key-table/index/status-index"},
    }


def _step(account: Account) -> Expected:
    """A cutover launch of two and a half hours; in all not much longer than the other waves."""
    table, client = account.settings["MIGRATION_OPS_TABLE_NAME"], account.client("dynamodb")
    minutes = [SLOW_MINUTES if phase is Phase.CUTOVER_LAUNCHED else USUAL_MINUTES for phase in TO_FINALIZED]
    at = account.now - timedelta(hours=5, minutes=sum(minutes))
    record = Record("mig-snail-01", "snail-wave", "snail", "s-5a11000000000001f", Phase.PLANNED)
    record = DynamoDbLedger(client, table, lambda: at).write([record], [record], "registered")[0]
    for phase, took in zip(TO_FINALIZED, minutes, strict=True):
        moment = at = at + timedelta(minutes=took)
        ledger = DynamoDbLedger(client, table, lambda now=moment: now)
        record = ledger.write([record], [record.to(phase)], phase.value.lower())[0]
    return {"ledger_slow_step": {"snail-wave"}}
