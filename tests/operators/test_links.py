"""Links: their URLs, and that Airflow finds them again without a plugin."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator
from airflow.serialization.serialized_objects import DagSerialization

from migration_ops.operators.links import EC2InstanceLink, MgnJobLink, MgnSourceServerLink, MgnSourceServersLink

LINKS = (MgnSourceServerLink, MgnSourceServersLink, MgnJobLink, EC2InstanceLink)
IDS = {"source_server_id": "s-1", "job_id": "mgnjob-1", "instance_id": "i-1"}


@pytest.mark.parametrize(
    ("link", "url"),
    [
        (MgnSourceServerLink, "https://console.aws.amazon.com/mgn/home?region=eu-west-1#/sourceServers/s-1"),
        (MgnSourceServersLink, "https://console.aws.amazon.com/mgn/home?region=eu-west-1#/sourceServers"),
        (MgnJobLink, "https://console.aws.amazon.com/mgn/home?region=eu-west-1#/launchHistory/mgnjob-1"),
        (EC2InstanceLink, "https://console.aws.amazon.com/ec2/home?region=eu-west-1#InstanceDetails:instanceId=i-1"),
    ],
)
def test_what_persist_leaves_is_the_link(link: Any, url: str) -> None:
    pushed: dict[str, Any] = {}

    class TaskInstance:
        def xcom_push(self, key: str, value: Any) -> None:
            pushed[key] = value

    operator = BaseOperator(task_id="t")
    link.persist({"ti": TaskInstance()}, operator, region_name="eu-west-1", aws_partition="aws", **IDS)
    assert list(pushed) == [link.key]
    assert link().format_link(**pushed[link.key]) == url


def test_links_survive_serialisation_without_a_plugin() -> None:
    class Linked(BaseOperator):
        operator_extra_links = tuple(link() for link in LINKS)

    with DAG("links", schedule=None) as dag:
        Linked(task_id="t")
    read = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag)).get_task("t")
    assert {link.name: link.xcom_key for link in read.operator_extra_links} == {
        link.name: f"_link_{link.__name__}" for link in LINKS
    }


def test_names_and_keys_are_distinct() -> None:
    assert len({link.name for link in LINKS}) == len({link.key for link in LINKS}) == len(LINKS)
