"""A task that is killed in a call stays killed, and a question about nothing is not asked."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowTaskTimeout

from migration_ops.aws.mgn.hook import MgnHook, classified
from migration_ops.wave.launching.terminate import instances_by_tag
from tests.aws.scripted_aws import ScriptedAws


def test_the_time_out_of_a_task_is_no_error_of_the_package() -> None:
    """Airflow ends a task with it; a handler of ``Exception`` would go on in a task that is over."""
    assert not issubclass(AirflowTaskTimeout, Exception)


@pytest.mark.parametrize("mutating", [True, False])
def test_it_passes_where_errors_of_aws_are_classified(mutating: bool) -> None:
    with pytest.raises(AirflowTaskTimeout), classified(mutating=mutating):
        raise AirflowTaskTimeout


@pytest.mark.parametrize(
    "ask",
    [
        lambda hook: hook.describe_servers([]),
        lambda hook: hook.describe_jobs([]),
        lambda hook: hook.servers_of_applications([]),
    ],
)
def test_no_ids_are_no_question(hook: MgnHook, aws: ScriptedAws, ask: Callable[[MgnHook], Any]) -> None:
    """MGN takes an empty filter for none at all, and would answer with the whole account."""
    assert not ask(hook)
    assert aws.requests == []


def test_no_servers_have_no_instances_and_ec2_is_not_asked() -> None:
    def never(name: str) -> Any:
        raise AssertionError(name)

    services: Any = SimpleNamespace(client=never)
    assert instances_by_tag(services, []) == {}
