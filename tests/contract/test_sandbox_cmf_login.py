"""The service-account login end to end: boto3 against moto's Cognito, then the CMF API over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer
from tenacity import wait_none

from include.sandbox.cmf.app import CmfApi, create_app
from migration_ops.core.verdict import Verdict
from migration_ops.integrations.cmdb.cmf import CmfClient, from_connection
from migration_ops.integrations.cmdb.cmf_auth import TokenCache
from migration_ops.integrations.cmdb.protocol import CmdbServer, CmdbUpdate
from tests.integrations.sites import serving

Factory = Callable[[str], Any]


def factory_for(url: str) -> Factory:
    quick = Config(connect_timeout=1, retries={"total_max_attempts": 1})
    session: Any = boto3.session.Session("test", "test", region_name="us-east-1")
    return lambda service: session.client(service, endpoint_url=url, config=quick)


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def app(moto_url: str) -> CmfApi:
    return create_app(None, None, {"moto_url": moto_url, "region": "us-east-1"})


@pytest.fixture
def base_url(app: CmfApi) -> Iterator[str]:
    with serving(app) as port:
        yield f"http://127.0.0.1:{port}{app.base_path}"


def client_for(base_url: str, extra: dict[str, str], factory: Factory) -> CmfClient:
    return from_connection(base_url, None, None, extra, factory, tokens=TokenCache(), wait=wait_none())


def test_log_in_find_and_update(app: CmfApi, base_url: str, moto_url: str) -> None:
    client = client_for(base_url, app.connection_extra, factory_for(moto_url))
    assert client.probe().verdict is Verdict.OK
    ids = [str(number) for number in range(101, 108)]
    checks = client.find([CmdbServer(f"mig-{one}", one, "s-1") for one in ids])
    assert {key: check.verdict for key, check in checks.items()} == dict.fromkeys(ids, Verdict.OK)
    assert client.update(CmdbUpdate("mig-106", "106", "Cutover instance launched")).outcome == "written"


def test_an_expired_cognito_token_is_renewed(app: CmfApi, base_url: str, moto_url: str) -> None:
    logins: list[str] = []
    factory = factory_for(moto_url)

    def counting(service: str) -> Any:
        logins.append(service)
        return factory(service)

    client = client_for(base_url, app.connection_extra, counting)
    client.item("server", "101")
    app.authorizer.expire_tokens()
    client.item("server", "101")
    assert logins.count("cognito-idp") == 2


@pytest.mark.parametrize("change", [{"clientId": "unknown"}, {"secretId": "no-such-secret"}])
def test_a_wrong_connection_is_blocked(app: CmfApi, base_url: str, moto_url: str, change: dict[str, str]) -> None:
    client = client_for(base_url, app.connection_extra | change, factory_for(moto_url))
    assert client.probe().verdict is Verdict.BLOCKED


@pytest.mark.parametrize(
    "secret",
    [
        "not json",
        "[]",
        json.dumps({"username": "serviceaccount@yourdomain.com"}),
        json.dumps({"username": "serviceaccount@yourdomain.com", "password": 5}),
        json.dumps({"username": "serviceaccount@yourdomain.com", "password": "Wrong-0-password"}),
    ],
)
def test_a_wrong_secret_is_blocked_and_not_shown(app: CmfApi, base_url: str, moto_url: str, secret: str) -> None:
    factory = factory_for(moto_url)
    name = f"secret-{abs(hash(secret))}"
    factory("secretsmanager").create_secret(Name=name, SecretString=secret)
    check = client_for(base_url, app.connection_extra | {"secretId": name}, factory).probe()
    assert check.verdict is Verdict.BLOCKED
    assert "Wrong-0-password" not in repr(check)


def test_no_answer_from_cognito_is_unknown(app: CmfApi, base_url: str) -> None:
    client = client_for(base_url, app.connection_extra, factory_for("http://127.0.0.1:9"))
    assert client.probe().verdict is Verdict.UNKNOWN
