"""An http check asks the new instance or nothing: both forms of it, and everything that is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from migration_ops.core.errors import InvalidInputError
from migration_ops.wave.conf.http_target import HttpTarget, target_of
from migration_ops.wave.conf.model import InvalidConfError, parse_conf, restore_conf
from tests.wave.conf.hostile_urls import DOTS, HOSTILE, PATHS

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def conf_with(check: dict[str, Any]) -> dict[str, Any]:
    server = {"sourceServerId": "s-" + "1" * 17}
    checks = [{"type": "tcp", "port": 22}, {"type": "http"} | check]
    return {"wave": "w", "applications": [{"appName": "a", "servers": [server], "checks": checks}]}


def codes(check: dict[str, Any]) -> dict[str, str]:
    """Code by key of the check; empty when the conf is taken."""
    try:
        parse_conf(conf_with(check), now=NOW)
    except InvalidConfError as error:
        return {one["path"].replace("applications[0].checks[1].", ""): one["code"] for one in error.context["findings"]}
    return {}


def test_there_are_enough_hostile_urls() -> None:
    assert len(HOSTILE) >= 300


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused_with_its_path_and_has_no_target(url: str) -> None:
    assert list(codes({"url": url})) == ["url"]
    with pytest.raises(InvalidInputError):
        target_of({"type": "http", "url": url, "status": 200})


@pytest.mark.parametrize("path", [*(f"/x/{one}/y" for one in DOTS), *PATHS, "", "x", "@evil.test/", ":80/"])
def test_a_hostile_path_is_refused_in_the_form_of_parts_too(path: str) -> None:
    assert list(codes({"scheme": "http", "path": path})) == ["path"]


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ({"url": "http://{privateIp}"}, HttpTarget("http", "privateIp", 80, "/")),
        ({"url": "HTTPS://{publicIp}?a=b"}, HttpTarget("https", "publicIp", 443, "/?a=b")),
        (
            {"url": "http://{privateIp}:8080/{instanceId}/health?x=../y", "status": 204},
            HttpTarget("http", "privateIp", 8080, "/{instanceId}/health?x=../y", status=204),
        ),
        ({"url": "http://{privateIp}/a...b/.well-known/..x/%C3%A4"}, None),
        ({"scheme": "http"}, HttpTarget("http", "privateIp", 80, "/")),
        (
            {"scheme": "https", "port": 8443, "path": "/health", "host": "billing.example.com", "verifyTls": True},
            HttpTarget("https", "privateIp", 8443, "/health", "billing.example.com", verify_tls=True),
        ),
        (
            {"scheme": "https", "address": "publicIp", "status": 301},
            HttpTarget("https", "publicIp", 443, "/", status=301),
        ),
    ],
)
def test_what_asks_the_instance_is_taken(check: dict[str, Any], expected: HttpTarget | None) -> None:
    assert codes(check) == {}
    document = parse_conf(conf_with(check), now=NOW).as_document()
    [_, planned] = document["applications"][0]["checks"]
    assert expected in (None, target_of(planned))
    assert restore_conf(document).as_document() == document


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ({}, {"scheme": "missing"}),
        ({"url": None}, {"scheme": "missing"}),
        ({"scheme": "ftp"}, {"scheme": "literal_error"}),
        ({"scheme": "http", "url": "http://{privateIp}/"}, {"url": "both_given"}),
        ({"port": 80, "url": "http://{privateIp}/"}, {"url": "both_given"}),
        ({"scheme": "http", "port": 0}, {"port": "greater_than_equal"}),
        ({"scheme": "http", "address": "169.254.169.254"}, {"address": "literal_error"}),
        ({"scheme": "http", "address": "instanceId"}, {"address": "literal_error"}),
        ({"scheme": "http", "verifyTls": True}, {"verifyTls": "no_tls"}),
        ({"scheme": "https", "verifyTls": True}, {"host": "missing"}),
        *(
            ({"scheme": "https", "host": host}, {"host": "string_pattern_mismatch"})
            for host in (
                "169.254.169.254",
                "2852039166",
                "0x7f.1",
                "a b",
                "a:80",
                "[::1]",
                "a\r\nX: y",
                "u@h",
                "a/b",
                "",
            )
        ),
    ],
)
def test_parts_that_do_not_go_together(check: dict[str, Any], expected: dict[str, str]) -> None:
    assert codes(check) == expected


def test_the_older_form_stays_as_it_was_in_plans() -> None:
    check = {"type": "http", "url": "http://{privateIp}:8080/health"}
    [_, planned] = parse_conf(conf_with(check), now=NOW).as_document()["applications"][0]["checks"]
    assert planned == check | {"status": 200}
