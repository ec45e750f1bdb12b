"""Cases of the exposure checks that the planted estate does not have."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from migration_ops.aws.inventory.lambda_runtimes import FILE, read_runtimes
from migration_ops.core.config import DIRECTORY
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.finding import FindingStatus
from tests.runbook.judged import NOT_READ, one, run

CRITICAL, UNKNOWN, WARNING, OK = FindingStatus
FUNCTION = {
    "name": "f",
    "packageType": "Zip",
    "variables": 2,
    "secrets": [],
    "policies": [],
    "urls": [],
    "onFailure": [],
}


def verdict(check_id: str, **thing: Any) -> FindingStatus:
    return one("audit", check_id, thing).verdict


def policy(**statement: Any) -> str:
    made = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"} | statement
    return json.dumps({"Version": "2012-10-17", "Statement": [made]})


class TestRuntime:
    @pytest.mark.parametrize(
        ("runtime", "wanted"),
        [
            ({"name": "x", "end": "2020-01-01", "daysLeft": -1}, CRITICAL),
            ({"name": "x", "end": "2020-01-01", "daysLeft": 0}, CRITICAL),
            ({"name": "x", "end": "2030-01-01", "daysLeft": 1}, WARNING),
            ({"name": "x", "end": "2030-01-01", "daysLeft": 90}, WARNING),
            ({"name": "x", "end": "2030-01-01", "daysLeft": 91}, OK),
            ({"name": "x", "end": None, "daysLeft": None}, UNKNOWN),
            ({"name": "x", "end": NOT_READ}, UNKNOWN),
            (None, UNKNOWN),
        ],
    )
    def test_days_left(self, runtime: Any, wanted: FindingStatus) -> None:
        assert verdict("lambda_function_supported_runtime", packageType="Zip", runtime=runtime) is wanted

    def test_an_image_has_none(self) -> None:
        found = one("audit", "lambda_function_supported_runtime", {"packageType": "Image", "runtime": None})
        assert (found.resource, found.verdict) == ("*", OK)
        assert "applies to none" in found.reason

    def test_the_file_is_in_order(self) -> None:
        runtimes = read_runtimes(DIRECTORY)
        assert runtimes.checked <= date(2026, 11, 25)
        assert runtimes.runtimes["python3.8"] == date(2024, 10, 14)
        assert all(
            date(2016, 1, 1) < end < runtimes.checked + timedelta(days=3650) for end in runtimes.runtimes.values()
        )

    @pytest.mark.parametrize("content", [None, "runtimes: {}", "checked: 2026-01-01\nruntimes: {a: never}", "- x", "{"])
    def test_a_wrong_file_is_refused(self, tmp_path: Path, content: str | None) -> None:
        if content is not None:
            (tmp_path / FILE).write_text(content)
        with pytest.raises(InvalidInputError) as caught:
            read_runtimes(tmp_path)
        assert "Correct the conf" not in caught.value.hint


class TestFunction:
    def test_a_service_on_anybodys_behalf_is_a_warning(self) -> None:
        document = policy(Principal={"Service": "events.amazonaws.com"}, Action="lambda:InvokeFunction")
        found = one(
            "audit", "lambda_function_not_public", FUNCTION | {"policies": [{"alias": "live", "document": document}]}
        )
        assert found.verdict is WARNING
        assert "alias live" in found.reason

    def test_a_policy_that_nobody_understands_is_unknown(self) -> None:
        policies = [{"alias": "", "document": "{"}]
        assert verdict("lambda_function_not_public", **FUNCTION | {"policies": policies}) is UNKNOWN

    @pytest.mark.parametrize(("urls", "wanted"), [([], OK), (["AWS_IAM"], OK), (["AWS_IAM", "NONE"], CRITICAL)])
    def test_urls(self, urls: list[str], wanted: FindingStatus) -> None:
        listed = [{"alias": "", "authType": one} for one in urls]
        assert verdict("lambda_function_url_signed", urls=listed) is wanted

    @pytest.mark.parametrize(
        ("target", "on_failure", "wanted"), [(None, [], WARNING), ("arn", [], OK), (None, ["arn"], OK)]
    )
    def test_dead_letters_or_a_destination(self, target: Any, on_failure: list[str], wanted: FindingStatus) -> None:
        assert verdict("lambda_function_dead_letters", deadLetterTarget=target, onFailure=on_failure) is wanted

    def test_without_variables_no_key_is_needed(self) -> None:
        assert verdict("lambda_function_variables_own_key", variables=0, keyArn=None) is OK

    def test_secrets_are_named_and_counted(self) -> None:
        secrets = [{"name": f"N{number}", "kind": "password in plain text"} for number in range(12)]
        found = one("audit", "lambda_function_no_secrets_in_variables", FUNCTION | {"secrets": secrets})
        assert (found.verdict, found.value, len(found.evidence)) == (CRITICAL, 12, 10)
        assert "and 2 more" in found.reason


class TestTlsOnly:
    GOOD = {
        "Effect": "Deny",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }

    @pytest.mark.parametrize(
        "change",
        [
            {},
            {"Principal": {"AWS": "*"}},
            {"Action": ["s3:*"]},
            {"Action": "*", "Resource": "*"},
            {"Condition": {"Bool": {"AWS:securetransport": False}}},
        ],
        ids=["as the template", "principal as AWS", "action as list", "all", "case and boolean"],
    )
    def test_refused_for_everybody(self, change: dict[str, Any]) -> None:
        found = one("audit", "s3_bucket_tls_only", {"name": "b", "policies": [policy(**self.GOOD | change)]})
        assert found.verdict is OK

    @pytest.mark.parametrize(
        "change",
        [
            {"Effect": "Allow"},
            {"Principal": {"AWS": "arn:aws:iam::111122223333:root"}},
            {"Action": "s3:PutObject"},
            {"Resource": "arn:aws:s3:::b/*"},
            {"Resource": ["arn:aws:s3:::c", "arn:aws:s3:::c/*"]},
            {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
            {"Condition": {"BoolIfExists": {"aws:SecureTransport": "false"}}},
            {"Condition": GOOD["Condition"] | {"StringEquals": {"aws:PrincipalAccount": "111122223333"}}},
            {"Condition": None},
        ],
    )
    def test_anything_less_is_not_enough(self, change: dict[str, Any]) -> None:
        found = one("audit", "s3_bucket_tls_only", {"name": "b", "policies": [policy(**self.GOOD | change)]})
        assert found.verdict is WARNING

    def test_no_policy_and_an_unreadable_one(self) -> None:
        assert verdict("s3_bucket_tls_only", policies=[]) is WARNING
        assert verdict("s3_bucket_tls_only", policies=NOT_READ) is UNKNOWN


class TestPatches:
    GOOD: dict[str, Any] = {"status": "COMPLIANT", "severity": "UNSPECIFIED", "missing": 0, "ageDays": 2.0}

    @pytest.mark.parametrize(
        ("state", "wanted"),
        [
            (GOOD, OK),
            (GOOD | {"ageDays": 31.0}, OK),
            (GOOD | {"ageDays": 32.0}, WARNING),
            (GOOD | {"status": "NON_COMPLIANT", "missing": 3, "severity": "LOW"}, CRITICAL),
            (GOOD | {"status": "NON_COMPLIANT", "missing": None}, UNKNOWN),
            (GOOD | {"status": "UNSPECIFIED_DATA"}, UNKNOWN),
            (GOOD | {"ageDays": None}, UNKNOWN),
            (None, WARNING),
            (NOT_READ, UNKNOWN),
        ],
    )
    def test_of_one_server(self, state: Any, wanted: FindingStatus) -> None:
        servers = {"other": self.GOOD} | ({"i-1": state} if state else {})
        document = {"instances": {"instances": [{"name": "i-1"}]}, "patch_compliance": {"servers": servers}}
        assert [each.verdict for each in run("audit", "ec2_migrated_instance_patched", document)] == [wanted]


@pytest.mark.parametrize(
    ("check_id", "thing", "wanted"),
    [
        ("ec2_migrated_instance_imdsv2", {"metadata": "disabled", "tokens": "optional"}, OK),
        ("ec2_migrated_instance_imdsv2", {"metadata": "enabled", "tokens": "optional"}, CRITICAL),
        ("ec2_migrated_instance_imdsv2", {"metadata": "enabled", "tokens": None}, UNKNOWN),
        ("ec2_migrated_instance_public_address", {"publicAddresses": ["2001:db8::1"]}, WARNING),
        ("sqs_queue_encrypted", {"managedEncryption": False, "keyId": "alias/q"}, OK),
        ("dynamodb_ledger_encrypted", {"keyType": "AES256"}, WARNING),
        ("dynamodb_ledger_recovery", {"recovery": None}, UNKNOWN),
        ("dynamodb_ledger_deletion_protection", {"deletionProtection": None}, UNKNOWN),
        ("s3_bucket_public_access_block", {"publicAccessBlock": {"BlockPublicAcls": True}}, WARNING),
        ("s3_bucket_public_access_block", {"publicAccessBlock": NOT_READ}, UNKNOWN),
        ("s3_bucket_versioned", {"versioning": "never enabled"}, WARNING),
        ("s3_bucket_encrypted", {"encryption": ["aws:kms"]}, OK),
        ("sns_topic_not_public", {"policies": [policy(Condition={"StringEquals": {"aws:SourceOwner": "1" * 12}})]}, OK),
        ("logs_group_no_secrets", {"sampled": 0, "secrets": []}, OK),
        ("logs_group_no_secrets", {"sampled": NOT_READ, "secrets": NOT_READ}, UNKNOWN),
    ],
)
def test_one_case_more(check_id: str, thing: dict[str, Any], wanted: FindingStatus) -> None:
    assert verdict(check_id, **thing) is wanted
