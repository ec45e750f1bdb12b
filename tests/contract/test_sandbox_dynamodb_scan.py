"""The sandbox's own scan and exports answer what DynamoDB's do: moto's items, in pages and segments, and its rules."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from include.sandbox.sandbox import Sandbox

BUCKET = "exports"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(speed=600, seed="empty", shown="wall") as sandbox:
        sandbox.boto("s3").create_bucket(Bucket=BUCKET)
        yield sandbox


@pytest.fixture(params=["hash", "hash and range"])
def table(box: Sandbox, request: pytest.FixtureRequest) -> Iterator[str]:
    dynamodb, ranged = box.boto("dynamodb"), request.param != "hash"
    kinds = {"k": "HASH", "r": "RANGE"} if ranged else {"k": "HASH"}
    dynamodb.create_table(
        TableName="scanned",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in kinds],
        KeySchema=[{"AttributeName": one, "KeyType": kind} for one, kind in kinds.items()],
    )
    for number in range(60):
        dynamodb.put_item(TableName="scanned", Item=_item(number, ranged))
    yield "scanned"
    dynamodb.delete_table(TableName="scanned")


def _item(number: int, ranged: bool) -> dict[str, Any]:
    more = {"r": {"S": f"r{number % 3}"}} if ranged else {}
    key = number // 3 if ranged else number
    text = {"S": f"{number}" * 20_000} if number % 2 else {"S": ""}
    odd = {"B": b"\x00\xff"} if number % 3 else {"L": [{"M": {"b": {"B": b"\x01"}, "n": {"NULL": True}}}]}
    return {"k": {"S": f"k{key:03d}"}, **more, "text": text, "odd": odd, "set": {"NS": ["1", "2"]}}


def _pages(box: Sandbox, table: str, **request: Any) -> list[dict[str, Any]]:
    return list(box.boto("dynamodb").get_paginator("scan").paginate(TableName=table, **request))


def _sorted(pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    items = [item for page in pages for item in page["Items"]]
    return sorted(items, key=lambda one: (one["k"]["S"], one.get("r", {}).get("S", "")))


def test_it_answers_the_items_of_motos_own_scan(box: Sandbox, table: str) -> None:
    # A filter that everything passes goes moto's own way.
    names: dict[str, Any] = {"FilterExpression": "attribute_exists(#k)", "ExpressionAttributeNames": {"#k": "k"}}
    assert _sorted(_pages(box, table)) == _sorted(_pages(box, table, **names))


def test_pages_have_a_megabyte_at_most_and_say_where_to_go_on(box: Sandbox, table: str) -> None:
    pages = _pages(box, table)
    assert len(pages) > 1
    assert [("LastEvaluatedKey" in page) for page in pages] == [True] * (len(pages) - 1) + [False]
    assert all(page["Count"] == page["ScannedCount"] == len(page["Items"]) for page in pages)
    assert all(sum(len(one["text"]["S"]) for one in page["Items"]) <= 1 << 20 for page in pages)


@pytest.mark.parametrize("total", [1, 3, 8, 100])
def test_segments_together_are_the_table(box: Sandbox, table: str, total: int) -> None:
    found = [page for one in range(total) for page in _pages(box, table, Segment=one, TotalSegments=total)]
    assert _sorted(found) == _sorted(_pages(box, table))


def test_it_sees_every_change_at_once(box: Sandbox, table: str) -> None:
    dynamodb = box.boto("dynamodb")
    first = _sorted(_pages(box, table))
    key = {name: first[0][name] for name in ("k", "r") if name in first[0]}
    dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET #t = :t",
        ExpressionAttributeNames={"#t": "text"},
        ExpressionAttributeValues={":t": {"S": "changed"}},
    )
    assert _sorted(_pages(box, table))[0]["text"] == {"S": "changed"}
    dynamodb.put_item(TableName=table, Item=first[0])
    assert _sorted(_pages(box, table)) == first
    dynamodb.delete_item(TableName=table, Key=key)
    assert _sorted(_pages(box, table)) == first[1:]
    fresh = {name: {"S": "zzz"} for name in key}
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": fresh}}])
    assert _sorted(_pages(box, table)) == [*first[1:], fresh]


def test_a_refused_transaction_leaves_nothing_to_scan(box: Sandbox, table: str) -> None:
    dynamodb = box.boto("dynamodb")
    before = _sorted(_pages(box, table))
    key = {name: {"S": "new"} for name in ("k", "r") if name in before[0]}
    refused = {"Put": {"TableName": table, "Item": before[0], "ConditionExpression": "attribute_not_exists(k)"}}
    with pytest.raises(ClientError):
        dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": key}}, refused])
    assert _sorted(_pages(box, table)) == before


def test_a_place_that_is_gone_is_gone_on_from(box: Sandbox, table: str) -> None:
    dynamodb = box.boto("dynamodb")
    page = dynamodb.scan(TableName=table)
    dynamodb.delete_item(TableName=table, Key=page["LastEvaluatedKey"])
    rest = dynamodb.scan(TableName=table, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert not [one for one in rest["Items"] if one in page["Items"]]
    assert rest["Items"]


def _export(box: Sandbox, **changes: Any) -> dict[str, Any]:
    dynamodb = box.boto("dynamodb")
    arn = dynamodb.describe_table(TableName="scanned")["Table"]["TableArn"]
    request = {"TableArn": arn, "S3Bucket": BUCKET, "S3Prefix": "p", **changes}
    found: dict[str, Any] = dynamodb.export_table_to_point_in_time(**request)["ExportDescription"]
    return found


def _recovery(box: Sandbox, *, on: bool) -> None:
    spec = {"PointInTimeRecoveryEnabled": on}
    box.boto("dynamodb").update_continuous_backups(TableName="scanned", PointInTimeRecoverySpecification=spec)


def test_an_export_has_manifests_that_fit_its_files(box: Sandbox, table: str) -> None:
    _recovery(box, on=True)
    arn = _export(box, ClientToken=str(uuid4()))["ExportArn"]
    dynamodb, s3 = box.boto("dynamodb"), box.boto("s3")
    seen = [dynamodb.describe_export(ExportArn=arn)["ExportDescription"]["ExportStatus"] for _ in range(2)]
    assert seen == ["IN_PROGRESS", "COMPLETED"]
    found = dynamodb.describe_export(ExportArn=arn)["ExportDescription"]

    def body(key: str) -> bytes:
        text: bytes = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return text

    summary = json.loads(body(found["ExportManifest"]))
    files = [json.loads(line) for line in body(summary["manifestFilesS3Key"]).splitlines()]
    lines = [line for one in files for line in gzip.decompress(body(one["dataFileS3Key"])).splitlines()]
    assert found["ItemCount"] == summary["itemCount"] == len(lines) == sum(one["itemCount"] for one in files) == 60


def test_a_token_makes_one_export_and_only_for_the_same_request(box: Sandbox, table: str) -> None:
    _recovery(box, on=True)
    token = str(uuid4())
    assert _export(box, ClientToken=token)["ExportArn"] == _export(box, ClientToken=token)["ExportArn"]
    assert _export(box)["ExportArn"] != _export(box)["ExportArn"]
    with pytest.raises(ClientError, match="ExportConflictException"):
        _export(box, ClientToken=token, S3Prefix="elsewhere")


def test_exports_are_refused_as_dynamodb_refuses_them(box: Sandbox, table: str) -> None:
    _recovery(box, on=False)
    with pytest.raises(ClientError, match="PointInTimeRecoveryUnavailableException"):
        _export(box)
    _recovery(box, on=True)
    assert _export(box, S3Bucket="no-such-bucket")["FailureCode"] == "S3NoSuchBucket"
    with pytest.raises(ClientError, match="ExportNotFoundException"):
        box.boto("dynamodb").describe_export(ExportArn="arn:aws:dynamodb:us-east-1:123456789012:table/t/export/none")
