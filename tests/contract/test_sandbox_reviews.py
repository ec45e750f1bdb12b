"""What the sandbox adds to moto for the reviews refuses, pages and leaves out as AWS does."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.sandbox.sandbox import Sandbox

TODAY = datetime.now(UTC).date()
METRIC = "UnblendedCost"


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    with Sandbox(seed="empty", shown="wall") as sandbox:
        # Another sandbox of this process may have left something in moto, which all share.
        sandbox.reset()
        yield sandbox
        sandbox.reset()


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def ask(shop: Sandbox, start: date, end: date, granularity: str = "DAILY", **more: Any) -> dict[str, Any]:
    period = {"Start": start.isoformat(), "End": end.isoformat()}
    answer: dict[str, Any] = shop.boto("ce").get_cost_and_usage(
        TimePeriod=period, Granularity=granularity, Metrics=[METRIC], **more
    )
    return answer


@pytest.fixture(scope="module")
def booked(shop: Sandbox) -> None:
    first, last = TODAY - timedelta(days=40), TODAY
    line = {"usageType": "Requests", "from": first.isoformat(), "to": last.isoformat()}
    shop.client.write_history(
        costs=[
            line | {"service": "AWS Lambda", "amount": 1.5, "tags": {"wave": "w1"}},
            line | {"service": "Amazon DynamoDB", "amount": 2},
            line | {"service": "AWS Lambda", "amount": -1, "recordType": "Credit"},
        ]
    )


@pytest.mark.usefixtures("booked")
class TestCostExplorer:
    def test_every_period_is_there_page_by_page(self, shop: Sandbox) -> None:
        start = TODAY - timedelta(days=14)
        first = ask(shop, start, TODAY)
        second = ask(shop, start, TODAY, NextPageToken=first["NextPageToken"])
        days = [one["TimePeriod"]["Start"] for page in (first, second) for one in page["ResultsByTime"]]
        assert days == [(start + timedelta(days=number)).isoformat() for number in range(14)]
        assert "NextPageToken" not in second

    def test_a_day_without_cost_has_no_groups(self, shop: Sandbox) -> None:
        early = TODAY - timedelta(days=60)
        by_service = [{"Type": "DIMENSION", "Key": "SERVICE"}]
        assert ask(shop, early, early + timedelta(days=1), GroupBy=by_service)["ResultsByTime"][0]["Groups"] == []

    def test_tags_are_named_with_their_key(self, shop: Sandbox) -> None:
        answer = ask(shop, TODAY - timedelta(days=1), TODAY, GroupBy=[{"Type": "TAG", "Key": "wave"}])
        assert [one["Keys"] for one in answer["ResultsByTime"][0]["Groups"]] == [["wave$"], ["wave$w1"]]

    def test_credits_can_be_left_out(self, shop: Sandbox) -> None:
        no_credits = {"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Credit"]}}}
        day = (TODAY - timedelta(days=1), TODAY)
        amounts = [
            float(ask(shop, *day, **more)["ResultsByTime"][0]["Total"][METRIC]["Amount"])
            for more in ({}, {"Filter": no_credits})
        ]
        assert amounts == [2.5, 3.5]

    @pytest.mark.parametrize(
        "request_",
        [
            {"start": TODAY, "end": TODAY},
            {"start": TODAY - timedelta(days=900), "end": TODAY},
            {"start": TODAY - timedelta(days=1), "end": TODAY, "GroupBy": [{"Type": "TAG", "Key": "a"}] * 3},
        ],
        ids=["empty", "too old", "three groups"],
    )
    def test_what_makes_no_sense_is_refused(self, shop: Sandbox, request_: dict[str, Any]) -> None:
        with pytest.raises(ClientError) as error:
            ask(shop, request_.pop("start"), request_.pop("end"), **request_)
        assert code_of(error) == "ValidationException"


class TestServiceQuotas:
    def codes(self, shop: Sandbox, operation: str, service: str) -> dict[str, float]:
        pages = shop.boto("service-quotas").get_paginator(operation).paginate(ServiceCode=service)
        return {one["QuotaCode"]: one["Value"] for page in pages for one in page["Quotas"]}

    def test_all_pages_of_mgn(self, shop: Sandbox) -> None:
        assert len(self.codes(shop, "list_service_quotas", "mgn")) == 5

    def test_a_quota_that_was_never_applied_has_a_default_only(self, shop: Sandbox) -> None:
        assert self.codes(shop, "list_service_quotas", "ebs") == {}
        assert self.codes(shop, "list_aws_default_service_quotas", "ebs") == {"L-7A658B76": 50}
        shop.client.write_history(serviceQuotas={"L-7A658B76": 80})
        assert self.codes(shop, "list_service_quotas", "ebs") == {"L-7A658B76": 80}
        assert self.codes(shop, "list_aws_default_service_quotas", "ebs") == {"L-7A658B76": 50}

    def test_an_unknown_service_is_refused(self, shop: Sandbox) -> None:
        with pytest.raises(ClientError) as error:
            self.codes(shop, "list_service_quotas", "no-such-service")
        assert code_of(error) == "NoSuchResourceException"


@pytest.fixture(scope="module")
def function(shop: Sandbox) -> str:
    role = shop.boto("iam").create_role(RoleName="worker", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "")
    client = shop.boto("lambda")
    client.create_function(
        FunctionName="worker",
        Runtime="python3.13",
        Role=role,
        Handler="index.handler",
        Code={"ZipFile": packed.getvalue()},
        Publish=True,
    )
    client.create_alias(FunctionName="worker", Name="live", FunctionVersion="1")
    return "worker"


class TestProvisionedConcurrency:
    @pytest.mark.parametrize(
        ("qualifier", "code"),
        [("$LATEST", "InvalidParameterValueException"), ("no-such-alias", "ResourceNotFoundException")],
    )
    def test_it_belongs_to_a_version_or_an_alias(self, shop: Sandbox, function: str, qualifier: str, code: str) -> None:
        with pytest.raises(ClientError) as error:
            shop.boto("lambda").put_provisioned_concurrency_config(
                FunctionName=function, Qualifier=qualifier, ProvisionedConcurrentExecutions=1
            )
        assert code_of(error) == code

    def test_what_was_put_is_listed(self, shop: Sandbox, function: str) -> None:
        client = shop.boto("lambda")
        assert client.list_provisioned_concurrency_configs(FunctionName=function)["ProvisionedConcurrencyConfigs"] == []
        client.put_provisioned_concurrency_config(
            FunctionName=function, Qualifier="live", ProvisionedConcurrentExecutions=3
        )
        (found,) = client.list_provisioned_concurrency_configs(FunctionName=function)["ProvisionedConcurrencyConfigs"]
        assert found["FunctionArn"].endswith(":function:worker:live")
        assert found["RequestedProvisionedConcurrentExecutions"] == 3


def test_percentiles_of_single_values(shop: Sandbox) -> None:
    cloudwatch, now = shop.boto("cloudwatch"), datetime.now(UTC)
    points = [
        {"MetricName": "Duration", "Value": float(value), "Timestamp": now - timedelta(minutes=5)}
        for value in range(1, 101)
    ]
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=points)
    stat = {"Metric": {"Namespace": "Shop", "MetricName": "Duration"}, "Period": 86_400}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": name, "MetricStat": stat | {"Stat": name}} for name in ("p50", "p95", "p99", "p100")],
        StartTime=now - timedelta(days=1),
        EndTime=now,
    )
    assert {one["Id"]: one["Values"] for one in answer["MetricDataResults"]} == {
        "p50": [50.0],
        "p95": [95.0],
        "p99": [99.0],
        "p100": [100.0],
    }


def test_resources_have_a_past_and_snapshots_an_owner(shop: Sandbox) -> None:
    ec2 = shop.boto("ec2")
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    copy = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    shop.client.write_history(ec2HoursAgo={volume: 48, copy: 24})
    made = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["CreateTime"]
    assert timedelta(hours=47) < datetime.now(UTC) - made < timedelta(hours=49)
    # moto's public images have snapshots too, of other owners.
    assert [one["SnapshotId"] for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]] == [copy]
