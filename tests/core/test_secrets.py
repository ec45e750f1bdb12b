"""What counts as a secret and what does not; and that a finding never carries one. All values are made up here."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode

import pytest

from migration_ops.core import secrets

# Put together here, so that scanners of this repository find none.
KEY_ID = "AK" + "IA" + "Q3EGTZ7XW5PLM2RN"
RANDOM_40 = "wJ4lrXUt7nFEMI" + "K7MDENGbPxRfiCY9aZqLw2"
HEX_32 = "9f86d081884c7d65" + "9a2feaa0c55ad015"


def _part(document: object) -> str:
    return urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


JWT = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part({'sub': 'someone', 'iat': 1})}.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE"


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("ANYTHING", KEY_ID, "AWS access key"),
        ("CONFIG", f"id={KEY_ID};x", "AWS access key"),
        ("CERTIFICATE", PEM, "private key"),
        ("HEADER", JWT, secrets.JWT),
        ("DATABASE_URL", "postgres://app:" + "s3cretpw@db.internal:5432/x", secrets.IN_URL),
        ("BROKER", "amqps://:" + "pw12345@mq/", secrets.IN_URL),
        ("DB_PASSWORD", "hunter2", secrets.IN_CLEAR),
        ("dbPassword", "correct horse battery", secrets.IN_CLEAR),
        ("REDIS_PASSWD", "changeme", secrets.IN_CLEAR),
        ("AWS_SECRET_ACCESS_KEY", RANDOM_40, secrets.RANDOM),
        ("API_KEY", HEX_32, secrets.RANDOM),
        ("apiKey", HEX_32, secrets.RANDOM),
        ("CLIENT_SECRET", "123e4567-e89b-12d3-a456-426614174000", secrets.RANDOM),
        ("CALLBACK_TOKEN", "prod-" + RANDOM_40, secrets.RANDOM),
        ("GH", "gh" + "p_" + "a1B2" * 9, "GitHub token"),
        ("HOOK", "wh" + "sec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "webhook signing secret"),
        ("CURL", "-H 'Authorization: Bearer " + RANDOM_40 + "'", "authorization header"),
    ],
)
def test_secrets_are_found(name: str, value: str, kind: str) -> None:
    assert secrets.kind_of(name, value) == kind


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EXAMPLE_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("DB_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-a1b2c3"),
        ("DB_SECRET", "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-a1b2c3"),
        ("CMF_SECRET", "migration-ops/cmf"),
        ("CMF_SECRET_NAME", "migration-ops/cmf-api-production-2026"),
        ("DB_PASSWORD", "{{resolve:secretsmanager:db:SecretString:password}}"),
        ("DB_PASSWORD", "${DB_PASSWORD}"),
        ("DB_PASSWORD_PARAMETER", "/billing/db/password"),
        ("DB_PASSWORD", "/billing/db/password"),
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", "****"),
        ("DB_PASSWORD", "<set by operator>"),
        ("PASSWORD_LENGTH", "32"),
        ("TOKEN_TTL_SECONDS", "3600"),
        ("NEXT_TOKEN", "first"),
        ("PARTITION_KEY", "migrationId"),
        ("IDEMPOTENCY_KEY", HEX_32),
        ("COMMIT", HEX_32),
        ("ENDPOINT", "https://example.com:8443/path"),
        ("ENDPOINT", "https://user@example.com/path"),
        ("DATABASE_URL", "postgres://app:${DB_PASSWORD}@db/x"),
        ("TABLE_NAME", "migration-state"),
        ("NOTE", "eyJub3QiOiJhIGp3dCJ9 is base64, and no token"),
        ("TOKEN_ENABLED", "true"),
        ("SECRET_MODE", "envelope-encryption-with-managed-keys"),
        ("PRIVATE_KEY_PATH", "/etc/keys/server.pem"),
        ("PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----\nMIIB"),
    ],
)
def test_what_is_none_is_left_alone(name: str, value: str) -> None:
    assert secrets.kind_of(name, value) is None


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ('{"level": "INFO", "message": "started", "migrationId": "mig-web01"}', []),
        ("connecting with password=hunter2xyz to db", [secrets.IN_CLEAR]),
        ('{"user": "app", "password": "hunter2xyz"}', [secrets.IN_CLEAR]),
        (f"found api_key: {HEX_32}", [secrets.RANDOM]),
        ("password=**** for app", []),
        ("the token: first", []),
        ("Invalid password: try again", []),
        ("password: required", []),
        ('password: "required"', [secrets.IN_CLEAR]),
        (f"{KEY_ID} used {JWT}", ["AWS access key", secrets.JWT]),
    ],
)
def test_lines_of_logs(line: str, kinds: list[str]) -> None:
    assert secrets.kinds_in(line) == kinds


def test_a_definition_is_searched_by_path() -> None:
    definition = {
        "States": {
            "Call": {
                "Parameters": {"password": "hunter2", "token.$": "$.token", "list": [{"x": KEY_ID}]},
                "Arguments": {"apiKey": "{% $states.input.key %}"},
            }
        }
    }
    assert secrets.in_document(definition) == [
        {"name": "States.Call.Parameters.password", "kind": secrets.IN_CLEAR},
        {"name": "States.Call.Parameters.list[0].x", "kind": "AWS access key"},
    ]


def test_a_finding_never_carries_the_value() -> None:
    variables = {
        "DB_PASSWORD": "hunter2xyz",
        "API_KEY": HEX_32,
        "PEM": PEM,
        "URL": "redis://:" + "pw12345@r/",
        "OK": "1",
    }
    found = secrets.in_variables(variables)
    assert {one["name"] for one in found} == set(variables) - {"OK"}
    assert not any(value in json.dumps(found) for name, value in variables.items() if name != "OK")


@pytest.mark.parametrize(
    "piece", ["a-", "a_", "a.", "eyJaaaaa-", "eyJaaaaaa.", "x://a:", "password", "-----BEGIN A ", "AKIA", "= "]
)
def test_a_long_line_takes_no_long_time(piece: str) -> None:
    """Log lines have up to 256 KB, and anybody may have written them."""
    line = piece * (262_144 // len(piece))
    before = time.process_time()
    secrets.kinds_in(line)
    assert time.process_time() - before < 5


def test_entropy_tells_words_from_keys() -> None:
    assert secrets.entropy_bits("") == 0
    assert secrets.entropy_bits("aaaa") == 0
    assert secrets.looks_random(HEX_32)
    assert not secrets.looks_random("aaaaaaaa11111111")
    assert not secrets.looks_random("prod-billing-database-credentials")
