"""
### migration_setup: the AWS resources this package needs

Creates or updates one CloudFormation stack from `include/cloudformation/migration-ops.yaml`: the ledger table, the
evidence bucket, the event bus with its rules, the request queue with its dead letters, the topics, the log group and
the dashboard. The names come from the `MIGRATION_OPS_*` settings.

`dryRun` (the default) shows the change set and removes it again. Running it on an up-to-date stack is a success that
changes nothing. **Table, bucket and log group are kept when the stack is deleted**: delete them by hand, or import
them into a new stack.

To retry: clear the failed task with downstream.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Param, PokeReturnValue, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.operators.defaults import Tag, default_args

TEMPLATE = Path(__file__).resolve().parent.parent / "include" / "cloudformation" / "migration-ops.yaml"
PARAMS = {
    "stackName": Param("migration-ops", type="string", title="Stack name", pattern="^[A-Za-z][A-Za-z0-9-]{0,127}$"),
    "region": Param(None, type=["string", "null"], title="Region", description="Empty: the connection's Region"),
    "awsConnId": Param("aws_default", type="string", title="AWS connection"),
    "dryRun": Param(True, type="boolean", title="Dry run", description="Show the change, do not make it"),
}


def cloudformation() -> Any:
    """The client behind the provider's hook, for this run's connection and Region."""
    from airflow.providers.amazon.aws.hooks.cloud_formation import CloudFormationHook

    params = get_current_context()["params"]
    return CloudFormationHook(aws_conn_id=params["awsConnId"], region_name=params["region"]).get_conn()


@dag(
    dag_id="migration_setup",
    schedule=None,
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    default_args=default_args(),
    params=PARAMS,
    tags=[Tag.MIGRATION, Tag.SETUP, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def migration_setup() -> None:
    @task(doc_md="Creates the change set for the stack, new or existing; nothing is changed yet.")
    def prepare() -> dict[str, str]:
        from dataclasses import asdict

        from migration_ops.aws import stack
        from migration_ops.core.settings import read_settings

        context = get_current_context()
        return asdict(
            stack.prepare(
                cloudformation(),
                context["params"]["stackName"],
                TEMPLATE.read_text(encoding="utf-8"),
                stack.parameters_of(read_settings()),
                token=context["run_id"],
            )
        )

    @task.sensor(mode="reschedule", poke_interval=15, timeout=900, doc_md="Waits for the change set and logs it.")
    def plan(change_set: dict[str, str]) -> PokeReturnValue:
        from migration_ops.aws import stack

        found = stack.look(cloudformation(), stack.ChangeSet(**change_set))
        for change in found.changes if found else []:
            print("CHANGE", change)
        return PokeReturnValue(is_done=found is not None, xcom_value=found.as_document() if found else None)

    @task(doc_md="Dry run or nothing to change: removes the change set and skips the rest. Else starts the change.")
    def apply(change_set: dict[str, str], planned: dict[str, Any]) -> None:
        from migration_ops.aws import stack

        client, handle, shown = cloudformation(), stack.ChangeSet(**change_set), stack.Plan(**planned)
        dry_run = get_current_context()["params"]["dryRun"]
        if dry_run or shown.up_to_date:
            stack.discard(client, handle)
            raise AirflowSkipException(
                f"{len(shown.changes)} resources to change, dryRun={dry_run}: nothing was changed"
            )
        # Looked at again: a retry after a lost answer must not execute it twice.
        stack.execute(client, handle, stack.look(client, handle) or shown)

    @task.sensor(mode="reschedule", poke_interval=30, timeout=3600, doc_md="Waits for the stack; returns its outputs.")
    def outputs(change_set: dict[str, str]) -> PokeReturnValue:
        from migration_ops.aws import stack

        found = stack.outputs_when_done(cloudformation(), stack.ChangeSet(**change_set))
        return PokeReturnValue(is_done=found is not None, xcom_value=found)

    change_set = prepare()
    apply(change_set, plan(change_set)) >> outputs(change_set)


migration_setup()
