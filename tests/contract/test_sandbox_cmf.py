"""The sandbox's CMF API against the reference: each row of its table of answers, its routes, its lost updates."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from werkzeug.test import Client, TestResponse

from include.sandbox.cmf.app import MAX_ANSWER_BYTES, CmfApi, create_app
from include.sandbox.cmf.seed import seed_from_estate


@pytest.fixture
def app() -> CmfApi:
    return create_app(None, None, {"denied_attributes": {"server": ["server_tier"]}})


@pytest.fixture
def token(app: CmfApi) -> str:
    answer = Client(app).post("/login", json={"username": app.username, "password": app.password})
    assert answer.status_code == 200
    return str(json.loads(answer.get_data(as_text=True)))


@pytest.fixture
def call(app: CmfApi, token: str) -> Any:
    def send(method: str, path: str, body: Any = None, raw: bytes | None = None) -> TestResponse:
        data = raw if raw is not None else (None if body is None else json.dumps(body))
        return Client(app).open(path, method=method, data=data, headers={"Authorization": token})

    return send


class TestAuthentication:
    @pytest.mark.parametrize("header", [None, "", "rubbish", "a.b.c", "Bearer {token}"])
    def test_no_or_bad_token(self, app: CmfApi, token: str, header: str | None) -> None:
        headers = {} if header is None else {"Authorization": header.format(token=token)}
        answer = Client(app).get("/user/wave", headers=headers)
        assert (answer.status_code, answer.json) == (401, {"message": "Unauthorized"})

    def test_expired_token(self) -> None:
        app = create_app(None, None, {"token_lifetime_seconds": -1})
        token = Client(app).post("/login", json={"username": app.username, "password": app.password}).json
        answer = Client(app).get("/user/wave", headers={"Authorization": token})
        assert (answer.status_code, answer.json) == (401, {"message": "The incoming token has expired"})

    def test_tokens_in_use_can_be_made_to_expire(self, app: CmfApi, call: Any) -> None:
        assert call("GET", "/user/wave").status_code == 200
        assert Client(app).post("/_sandbox/cmf/expire-tokens").json == {"expired": 1}
        assert call("GET", "/user/wave").json == {"message": "The incoming token has expired"}

    @pytest.mark.parametrize("body", [{"username": "nobody", "password": "x"}, {"username": 1}, [], {}])
    def test_bad_credentials_are_400(self, app: CmfApi, body: Any) -> None:
        answer = Client(app).post("/login", json=body)
        assert (answer.status_code, answer.get_data()) == (400, b"Incorrect username or password")


class TestReading:
    def test_list_and_one(self, call: Any) -> None:
        servers = call("GET", "/user/server").json
        assert [one["server_id"] for one in servers if one["app_id"] == "2"] == ["103", "104", "105"]
        assert call("GET", "/user/server/101").json["server_name"] == "billing-db-01"
        assert [one["server_id"] for one in call("GET", "/user/server/appid/3").json] == ["106", "107"]

    def test_the_stage_is_part_of_the_base_url(self, call: Any) -> None:
        assert call("GET", "/prod/user/server/101").json == call("GET", "/user/server/101").json

    def test_missing_id_is_400_never_404(self, call: Any) -> None:
        answer = call("GET", "/user/server/99")
        assert (answer.status_code, answer.json) == (400, {"errors": ["server Id 99 does not exist"]})

    def test_unknown_schema(self, call: Any) -> None:
        assert call("GET", "/user/router/1").status_code == 400

    def test_a_server_has_no_wave(self, call: Any) -> None:
        assert "wave_id" not in call("GET", "/user/server/101").json
        assert call("GET", "/user/app/1").json["wave_id"] == "1"

    def test_an_answer_over_6_mb_is_502(self, app: CmfApi, call: Any) -> None:
        host_names = [f"host-{n:05}-{'x' * 600}" for n in range(MAX_ANSWER_BYTES // 1200)]
        seed = seed_from_estate("big", [("big", host_names)], wave_id="9", first_app_id=9, first_server_id=1000)
        assert Client(app).post("/_sandbox/cmf/seed", json=seed).status_code == 200
        assert call("GET", "/user/server").status_code == 502
        assert call("GET", "/user/server/1000").status_code == 200

    def test_unknown_route(self, call: Any) -> None:
        assert call("PATCH", "/user/server/101", {}).status_code == 403


class TestUpdating:
    def test_answers_metadata_and_not_the_item(self, call: Any) -> None:
        answer = call("PUT", "/user/server/101", {"migration_status": "Cutover instance launched"})
        assert answer.status_code == 200
        assert set(answer.json) == {"ResponseMetadata"}
        item = call("GET", "/user/server/101").json
        assert item["migration_status"] == "Cutover instance launched"
        assert item["server_name"] == "billing-db-01"
        assert set(item["_history"]) >= {"lastModifiedBy", "lastModifiedTimestamp"}

    def test_empty_text_deletes(self, call: Any) -> None:
        assert call("PUT", "/user/server/101", {"replication_status": ""}).status_code == 200
        assert "replication_status" not in call("GET", "/user/server/101").json

    @pytest.mark.parametrize("name", ["server_tier", "wave_id", "nonsense", "_history"])
    def test_attribute_not_permitted_or_unknown_is_401_with_errors(self, call: Any, name: str) -> None:
        answer = call("PUT", "/user/server/101", {name: "x", "migration_status": "y"})
        assert answer.status_code == 401
        [denial] = answer.json["errors"]
        assert denial["action"] == "deny"
        assert denial["cause"] == f"You do not have permission to update attributes : {name}"

    def test_empty_body_is_401(self, call: Any) -> None:
        answer = call("PUT", "/user/server/101", {})
        assert answer.status_code == 401
        assert answer.json["errors"][0]["cause"] == "There are no attributes to update"

    @pytest.mark.parametrize(
        ("path", "body", "nested"),
        [
            ("/user/server/101", {"r_type": "Rehosted"}, False),
            ("/user/server/101", {"server_os_family": "beos"}, False),
            ("/user/server/101", {"target_instance_id": "i-123"}, False),
            ("/user/server/101", {"server_fqdn": ""}, False),
            ("/user/server/101", {"app_id": "77"}, True),
            ("/user/app/1", {"aws_accountid": "999999999999"}, False),
            ("/user/app/1", {"wave_id": "77"}, True),
            ("/user/wave/1", {"wave_status": "Done"}, False),
            ("/user/wave/1", {"wave_name": "x" * 151}, False),
        ],
    )
    def test_bad_values_are_a_list_in_a_list(self, call: Any, path: str, body: Any, nested: bool) -> None:
        before = call("GET", path).json
        answer = call("PUT", path, body)
        assert answer.status_code == 400
        [inner] = answer.json["errors"]
        assert isinstance(inner, list)
        assert isinstance(inner[0], list if nested else str)
        assert call("GET", path).json == before

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/user/server/101", {"server_id": "101", "migration_status": "x"}),
            ("/user/server/99", {"migration_status": "x"}),
            ("/user/server/101", {"server_name": "billing-01"}),
        ],
    )
    def test_own_id_unknown_id_and_duplicate_name_are_a_plain_list(self, call: Any, path: str, body: Any) -> None:
        answer = call("PUT", path, body)
        assert answer.status_code == 400
        assert isinstance(answer.json["errors"][0], str)

    @pytest.mark.parametrize("raw", [b"not json", b"", b"[1]", b'{"target_instance_id": 5}'])
    def test_body_not_json_and_some_wrong_types_are_502(self, call: Any, raw: bytes) -> None:
        assert call("PUT", "/user/server/101", raw=raw).status_code == 502

    def test_concurrent_puts_of_different_attributes_lose_one(self, app: CmfApi, call: Any) -> None:
        lost = 0
        for round_number in range(10):
            changes = [{"migration_status": f"m{round_number}"}, {"replication_status": f"r{round_number}"}]
            threads = [threading.Thread(target=call, args=("PUT", "/user/server/101", one)) for one in changes]
            [one.start() for one in threads]
            [one.join() for one in threads]
            item = call("GET", "/user/server/101").json
            lost += sum(item.get(name) != value for one in changes for name, value in one.items())
        assert lost > 0


class TestCreatingAndDeleting:
    NEW = {
        "app_id": "1",
        "server_name": "new-01",
        "server_fqdn": "new-01.example.com",
        "server_os_family": "linux",
        "server_os_version": "12",
        "r_type": "Rehost",
    }

    def test_post_is_200_even_if_every_item_failed(self, call: Any) -> None:
        bodies = [
            {**self.NEW, "server_name": "billing-01"},
            {**self.NEW, "r_type": "Rewrite"},
            self.NEW,
            self.NEW,
        ]
        answer = call("POST", "/user/server", bodies)
        assert answer.status_code == 200
        assert answer.json["newItems"] == []
        assert answer.json["errors"]["existing_name"] == ["billing-01"]
        assert list(answer.json["errors"]["validation_errors"][0]) == ["new-01"]
        assert answer.json["errors"]["duplicate_name"] == ["new-01", "new-01"]
        assert call("GET", "/user/server/108").status_code == 400

    def test_created_item_gets_an_id_and_history(self, call: Any) -> None:
        [item] = call("POST", "/user/server", self.NEW).json["newItems"]
        assert item["server_id"] == "108"
        assert set(item["_history"]) == {"createdBy", "createdTimestamp"}

    def test_delete(self, call: Any) -> None:
        assert call("DELETE", "/user/server/107").status_code == 200
        assert call("GET", "/user/server/107").status_code == 400
        assert call("DELETE", "/user/server/107").status_code == 400


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class TestServiceAccount:
    @pytest.fixture
    def cognito_app(self, moto_url: str) -> CmfApi:
        return create_app(None, None, {"moto_url": moto_url, "region": "us-east-1"})

    def client(self, service: str, moto_url: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=moto_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def tokens(self, app: CmfApi, moto_url: str) -> dict[str, str]:
        extra = app.connection_extra
        assert extra["secretId"] == f"MFServiceAccount-{extra['userPoolId']}"
        secret = self.client("secretsmanager", moto_url).get_secret_value(SecretId=extra["secretId"])
        account = json.loads(secret["SecretString"])
        return dict(
            self.client("cognito-idp", moto_url).initiate_auth(
                ClientId=extra["clientId"],
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": account["username"], "PASSWORD": account["password"]},
            )["AuthenticationResult"]
        )

    def test_the_id_token_opens_and_the_access_token_does_not(self, cognito_app: CmfApi, moto_url: str) -> None:
        tokens = self.tokens(cognito_app, moto_url)
        client = Client(cognito_app)
        assert client.get("/user/wave", headers={"Authorization": tokens["IdToken"]}).status_code == 200
        assert client.get("/user/wave", headers={"Authorization": tokens["AccessToken"]}).status_code == 401

    def test_a_token_of_another_pool_does_not_open(self, cognito_app: CmfApi, moto_url: str) -> None:
        other = create_app(None, None, {"moto_url": moto_url, "region": "us-east-1"})
        tokens = self.tokens(other, moto_url)
        assert Client(cognito_app).get("/user/wave", headers={"Authorization": tokens["IdToken"]}).status_code == 401

    def test_a_forged_signature_does_not_open(self, cognito_app: CmfApi, moto_url: str) -> None:
        head, payload, signature = self.tokens(cognito_app, moto_url)["IdToken"].split(".")
        forged = f"{head}.{payload}.{signature[::-1]}"
        assert Client(cognito_app).get("/user/wave", headers={"Authorization": forged}).status_code == 401

    def test_the_login_api_gives_the_same_kind_of_token(self, cognito_app: CmfApi) -> None:
        answer = Client(cognito_app).post(
            "/login", json={"username": cognito_app.username, "password": cognito_app.password}
        )
        assert Client(cognito_app).get("/user/wave", headers={"Authorization": answer.json}).status_code == 200
