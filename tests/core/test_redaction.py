"""Lines of logs and causes of executions without their secrets."""

from __future__ import annotations

import time

import pytest

from migration_ops.core.redaction import HIDDEN, LOOKED_AT_CHARACTERS, SHOWN_CHARACTERS, redacted_text

SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzzz1"[:40]
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27uhbUJU1p1r"


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ('{"level": "ERROR", "dbPassword": "hunter2", "message": "refused"}', "hunter2"),
        ('{"level": "ERROR", "event": {"headers": {"Authorization": "Basic dXNlcjpwYXNz"}}}', "dXNlcjpwYXNz"),
        ('{"level": "ERROR", "message": "login with password=hunter2 failed"}', "hunter2"),
        ('[ERROR] {"event": "{\\"apiKey\\": \\"abc-123\\"}"', "abc-123"),
        ("ERROR login failed: password='correct horse' for admin", "horse"),
        ("ERROR DB_PASSWORD=hunter2, retrying", "hunter2"),
        ("ERROR password: hunter2", "hunter2"),
        ("ERROR client_secret => hunter2", "hunter2"),
        ("Exception: Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("Exception: sent Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("ERROR postgres://admin:hunter2@db.internal:5432/x", "hunter2"),
        ("ERROR redis://:hunter2@cache.internal/0", "hunter2"),
        ("ERROR key AKIAIOSFODNN7ABCDEFG is not allowed", "AKIAIOSFODNN7ABCDEFG"),
        (f"ERROR used {SECRET_KEY} for it", SECRET_KEY),
        (f"ERROR token was {JWT}", JWT),
        ("ERROR GET https://b.s3.amazonaws.com/k?X-Amz-Signature=0a1b2c3d&X-Amz-Date=1", "0a1b2c3d"),
        ("ERROR whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("ERROR -----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY----- x", "MIIEabc"),
        ("ERROR -----BEGIN PRIVATE KEY-----\nMIIEabc", "MIIEabc"),
    ],
)
def test_a_secret_is_hidden_and_the_line_still_says_something(line: str, secret: str) -> None:
    found = redacted_text(line)
    assert secret not in found
    assert HIDDEN in found
    assert "ERROR" in found or "Exception" in found


@pytest.mark.parametrize(
    "line",
    [
        "2026-01-01T00:00:00.000Z 5c1d9a3e-7f5b-4b0a-8f7e-2d6c4b1a0e9f Task timed out after 60.00 seconds",
        "RequestId: 5c1d9a3e-7f5b-4b0a-8f7e-2d6c4b1a0e9f Error: Runtime exited with error: signal: killed",
        "arn:aws:states:us-east-1:123456789012:execution:failing-workflow:failed-0",
        '  File "/var/task/LibV2/site-packages/botocore/client.py", line 553, in _api_call',
        "ConflictException: StartCutover of s-0123456789abcdef0 is not allowed in state TESTING",
    ],
)
def test_what_helps_is_shown(line: str) -> None:
    assert redacted_text(line) == line


def test_a_secret_at_the_cut_is_not_shown_by_half() -> None:
    line = "x" * (SHOWN_CHARACTERS - 20) + " password=hunter2hunter2hunter2"
    assert "hunter2" not in redacted_text(line)
    assert len(redacted_text(line)) <= SHOWN_CHARACTERS


def test_a_long_line_is_cut_before_the_word_that_would_be_halved() -> None:
    # The head is one secret that shrinks when it is hidden: what stands at the first cut comes into sight.
    long = "password='" + "x" * (LOOKED_AT_CHARACTERS - 40) + "' ERROR " + SECRET_KEY + "rest"
    found = redacted_text(long)
    assert SECRET_KEY[:12] not in found
    assert "ERROR" in found


BLOBS = ["aB3" * 90_000, "a.b-" * 60_000, '{"a":' * 1_500, '{"a": ' * 900 + "1" + "}" * 900, "://a:" * 50_000]


@pytest.mark.parametrize("blob", BLOBS, ids=range(len(BLOBS)))
def test_a_huge_line_takes_no_time(blob: str) -> None:
    begin = time.perf_counter()
    assert len(redacted_text("ERROR " + blob)) <= SHOWN_CHARACTERS
    assert time.perf_counter() - begin < 1.0
