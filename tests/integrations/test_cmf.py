"""The CMF client against the sandbox's CMF API, through real HTTP."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from tenacity import wait_none

from include.sandbox.cmf.seed import demo_seed
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.verdict import Verdict
from migration_ops.integrations.cmdb.cmf import CmfClient, from_connection
from migration_ops.integrations.cmdb.cmf_auth import CognitoServiceAccount, LoginEndpoint, TokenCache
from migration_ops.integrations.cmdb.protocol import Cmdb, CmdbServer, CmdbUpdate
from migration_ops.integrations.errors import (
    CmdbMismatchError,
    CmdbNotFoundError,
    CmdbRefusedError,
    CmdbUnavailableError,
)
from tests.integrations.sites import CmfSite

Sites = Callable[..., CmfSite]
UPDATE = CmdbUpdate(
    migration_id="mig-1",
    cmdb_id="103",
    migration_status="Cutover instance launched",
    replication_status="Healthy",
    target_instance_id="i-0123456789abcdef0",
    wave_status="Completed",
)


@pytest.fixture
def site(cmf_site: Sites) -> CmfSite:
    return cmf_site()


def servers(*cmdb_ids: str | None) -> list[CmdbServer]:
    return [CmdbServer(f"mig-{n}", one, f"s-{n:017}") for n, one in enumerate(cmdb_ids)]


class TestUpdate:
    def test_one_put_with_all_that_differs_and_the_read_back(self, site: CmfSite) -> None:
        client: Cmdb = site.client
        result = client.update(UPDATE)
        assert result.outcome == "written"
        assert result.read_back == {
            "migration_status": "Cutover instance launched",
            "replication_status": "Healthy",
            "target_instance_id": "i-0123456789abcdef0",
            "wave_status": "Completed",
        }
        assert (site.count("PutServer"), site.count("PutWave")) == (1, 1)
        assert site.app.store.get("wave", "1")["wave_status"] == "Completed"  # type: ignore[index]

    def test_nothing_is_put_when_nothing_differs(self, site: CmfSite) -> None:
        site.client.update(UPDATE)
        result = site.client.update(UPDATE)
        assert (result.outcome, result.sends) == ("unchanged", 0)
        assert (site.count("PutServer"), site.count("PutWave")) == (1, 1)

    def test_only_changed_attributes_are_sent(self, cmf_site: Sites) -> None:
        # A denied attribute in the body would be answered with 401.
        site = cmf_site(denied_attributes={"server": ["replication_status"]})
        result = site.client.update(CmdbUpdate("mig-1", "101", "Rolled back", replication_status="Healthy"))
        assert result.outcome == "written"

    def test_none_leaves_and_empty_removes(self, site: CmfSite) -> None:
        site.client.update(UPDATE)
        result = site.client.update(CmdbUpdate("mig-1", "103", "Rolled back", target_instance_id=""))
        assert result.read_back["target_instance_id"] is None
        assert site.app.store.get("server", "103")["replication_status"] == "Healthy"  # type: ignore[index]
        assert site.client.update(CmdbUpdate("mig-1", "103", target_instance_id="")).outcome == "unchanged"

    @pytest.mark.parametrize(
        ("update", "kind"),
        [
            (CmdbUpdate("mig-1", None, "x"), CmdbRefusedError),
            (CmdbUpdate("mig-1", "99", "x"), CmdbNotFoundError),
            (CmdbUpdate("mig-1", "103", target_instance_id="i-123"), CmdbRefusedError),
            (CmdbUpdate("mig-1", "103", wave_status="Done"), CmdbRefusedError),
        ],
    )
    def test_refusals(self, site: CmfSite, update: CmdbUpdate, kind: type[Exception]) -> None:
        with pytest.raises(kind) as caught:
            site.client.update(update)
        assert not caught.value.retryable
        assert type(pickle.loads(pickle.dumps(caught.value))) is kind

    def test_an_illegal_wave_status_touches_nothing(self, site: CmfSite) -> None:
        with pytest.raises(CmdbRefusedError):
            site.client.update(CmdbUpdate("mig-1", "103", "x", wave_status="done"))
        assert not site.app.requests

    def test_the_id_is_one_path_segment(self, site: CmfSite) -> None:
        with pytest.raises(CmdbRefusedError):
            site.client.item("server", "../wave/1")
        assert site.count("GetWave") == 0


class TestLostUpdates:
    def test_two_clients_of_one_process_never_overlap(self, cmf_site: Sites) -> None:
        site = cmf_site(update_window_seconds=0.02)
        clients = [site.new_client() for _ in range(4)]
        names = ["migration_status", "replication_status", "migration_status", "replication_status"]
        threads = [
            threading.Thread(target=client.update, args=(CmdbUpdate("m", "101", **{name: f"value {name}"}),))
            for client, name in zip(clients, names, strict=True)
        ]
        [one.start() for one in threads]
        [one.join() for one in threads]
        item = site.app.store.get("server", "101")
        assert item is not None
        assert (item["migration_status"], item["replication_status"]) == (
            "value migration_status",
            "value replication_status",
        )
        assert site.count("PutServer") == 2

    def test_lost_update_is_seen_by_the_read_back_and_sent_again(self, site: CmfSite) -> None:
        undo = _undo_writes(site, times=1)
        result = site.client.update(CmdbUpdate("m", "101", "Cutover instance launched"))
        assert (result.outcome, result.sends, undo.count) == ("written", 2, 1)
        assert site.app.store.get("server", "101")["migration_status"] == "Cutover instance launched"  # type: ignore[index]

    def test_an_update_that_is_always_lost_is_an_error_and_bounded(self, site: CmfSite) -> None:
        _undo_writes(site, times=99)
        with pytest.raises(CmdbMismatchError) as caught:
            site.client.update(CmdbUpdate("m", "101", "Cutover instance launched"))
        assert caught.value.context == {"serverId": "101", "attributes": ["migration_status"]}
        assert site.count("PutServer") == 4


class TestBadWeather:
    @pytest.mark.parametrize("kind", ["dropAfter", "error500After"])
    def test_an_answer_lost_after_the_effect_makes_one_write(self, site: CmfSite, kind: str) -> None:
        fault = site.faults.add(kind, service="cmf", operation="PutServer", times=1)
        result = site.client.update(CmdbUpdate("m", "101", "Cutover instance launched"))
        assert (result.outcome, fault.fired) == ("written", 1)
        assert site.count("PutServer") == 1

    @pytest.mark.parametrize("kind", ["dropBefore", "error500", "error503", "throttle"])
    def test_a_write_that_did_not_arrive_is_sent_again(self, site: CmfSite, kind: str) -> None:
        site.faults.add(kind, service="cmf", operation="PutServer", times=2)
        assert site.client.update(CmdbUpdate("m", "101", "x")).outcome == "written"
        assert site.count("PutServer") == 1

    def test_a_time_out_after_the_effect_makes_one_write(self, site: CmfSite) -> None:
        site.faults.add("timeoutAfter", service="cmf", operation="PutServer", times=1, seconds=5)
        client = site.new_client(timeout_seconds=0.5)
        assert client.update(CmdbUpdate("m", "101", "x")).outcome == "written"
        assert site.count("PutServer") == 1

    def test_down_is_an_error_after_bounded_attempts(self, site: CmfSite) -> None:
        fault = site.faults.add("error503", service="cmf", operation="GetServer")
        with pytest.raises(CmdbUnavailableError) as caught:
            site.client.update(UPDATE)
        assert caught.value.retryable
        assert fault.fired == 4

    def test_nothing_listens(self) -> None:
        client = CmfClient(
            "http://127.0.0.1:9",
            LoginEndpoint("http://127.0.0.1:9/login", "u", "p"),
            tokens=TokenCache(),
            wait=wait_none(),
        )
        assert client.probe().verdict is Verdict.UNKNOWN
        assert {check.verdict for check in client.find(servers("101")).values()} == {Verdict.UNKNOWN}


class TestToken:
    def test_one_login_for_many_requests_and_threads(self, site: CmfSite) -> None:
        threads = [threading.Thread(target=site.client.item, args=("server", "101")) for _ in range(8)]
        [one.start() for one in threads]
        [one.join() for one in threads]
        assert (site.count("Login"), site.count("GetServer")) == (1, 8)

    def test_a_401_without_errors_renews_exactly_once(self, site: CmfSite) -> None:
        site.client.item("server", "101")
        site.app.authorizer.expire_tokens()
        site.client.update(UPDATE)
        assert site.count("Login") == 2

    def test_threads_with_the_same_expired_token_share_one_renewal(self, site: CmfSite) -> None:
        site.client.item("server", "101")
        site.app.authorizer.expire_tokens()
        threads = [threading.Thread(target=site.client.item, args=("server", "101")) for _ in range(8)]
        [one.start() for one in threads]
        [one.join() for one in threads]
        assert site.count("Login") == 2

    def test_a_new_token_that_is_refused_too_is_not_renewed_again(self, cmf_site: Sites) -> None:
        site = cmf_site(token_lifetime_seconds=-10)
        with pytest.raises(CmdbRefusedError):
            site.client.item("server", "101")
        assert (site.count("Login"), site.count("GetServer")) == (2, 2)

    def test_a_401_with_errors_is_never_retried(self, cmf_site: Sites) -> None:
        site = cmf_site(denied_attributes={"server": ["migration_status"]})
        with pytest.raises(CmdbRefusedError) as caught:
            site.client.update(CmdbUpdate("m", "101", "x"))
        assert "permission to update attributes : migration_status" in caught.value.context["reason"]
        assert (site.count("Login"), site.count("PutServer")) == (1, 1)

    def test_renewed_five_minutes_before_its_end(self, site: CmfSite) -> None:
        now = [time.time()]
        client = site.new_client(tokens=TokenCache(clock=lambda: now[0]))
        client.item("server", "101")
        now[0] += 3600 - 310
        client.item("server", "101")
        assert site.count("Login") == 1
        now[0] += 20
        client.item("server", "101")
        assert site.count("Login") == 2

    def test_bad_password(self, site: CmfSite) -> None:
        login = LoginEndpoint(f"{site.url}/login", site.app.username, "wrong-password")
        check = CmfClient(site.url, login, tokens=TokenCache(), wait=wait_none()).probe()
        assert check.verdict is Verdict.BLOCKED
        assert "wrong-password" not in repr(check) + repr(login)

    def test_a_netrc_does_not_replace_the_token(
        self, site: CmfSite, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login a password b\n")
        monkeypatch.setenv("NETRC", str(netrc))
        assert site.client.item("server", "101")["server_id"] == "101"


class TestFind:
    def test_probe(self, site: CmfSite) -> None:
        check = site.client.probe()
        assert (check.verdict, check.value) == (Verdict.OK, {"waves": 1})

    def test_all_known(self, site: CmfSite) -> None:
        checks = site.client.find(servers("103", "104", "105"))
        assert {key: check.verdict for key, check in checks.items()} == dict.fromkeys(["103", "104", "105"], Verdict.OK)
        assert checks["103"].value["waveName"] == "wave-demo"
        # Each record once, however many servers share it.
        assert (site.count("GetServer"), site.count("GetApp"), site.count("GetWave")) == (3, 1, 1)

    def test_no_cmdb_id_is_blocked_under_its_migration_id(self, site: CmfSite) -> None:
        [(key, check)] = site.client.find(servers(None)).items()
        assert (key, check.verdict, check.reason) == ("mig-0", Verdict.BLOCKED, "no cmdbId in the conf")

    def test_the_same_id_twice_is_blocked(self, site: CmfSite) -> None:
        assert site.client.find(servers("103", "103"))["103"].verdict is Verdict.BLOCKED

    @pytest.mark.parametrize(
        ("part", "change", "reason"),
        [
            ("servers", {"r_type": "Retain"}, "not rehosted"),
            ("apps", {"wave_id": None}, "belongs to no wave"),
        ],
    )
    def test_what_the_record_says_can_block(
        self, cmf_site: Sites, part: str, change: dict[str, Any], reason: str
    ) -> None:
        seed = demo_seed()
        for item in seed[part]:
            item.update(change)
            [item.pop(name) for name, value in change.items() if value is None]
        check = cmf_site(seed=seed).client.find(servers("103"))["103"]
        assert check.verdict is Verdict.BLOCKED
        assert reason in check.reason

    def test_unknown_id_is_blocked(self, site: CmfSite) -> None:
        check = site.client.find(servers("99"))["99"]
        assert check.verdict is Verdict.BLOCKED
        assert "does not exist" in check.reason

    def test_a_dangling_application_is_blocked(self, site: CmfSite) -> None:
        site.app.store.delete("app", "2")
        assert site.client.find(servers("103"))["103"].verdict is Verdict.BLOCKED

    def test_no_answer_is_unknown_and_the_rest_is_not_asked(self, site: CmfSite) -> None:
        fault = site.faults.add("error503", service="cmf", operation="GetServer")
        checks = site.client.find(servers("101", "102", "103", "104"))
        assert {check.verdict for check in checks.values()} == {Verdict.UNKNOWN}
        assert fault.fired == 4


class TestConnection:
    EXTRA = {"userPoolId": "eu-west-1_abc", "clientId": "c1"}

    def test_service_account_with_defaults(self) -> None:
        client = from_connection("api.example.com/prod", None, None, self.EXTRA, client_factory=lambda _: None)
        login = client._http._login
        assert isinstance(login, CognitoServiceAccount)
        assert (login.region, login.secret_id) == ("eu-west-1", "MFServiceAccount-eu-west-1_abc")
        assert client._base_url == "https://api.example.com/prod"

    def test_login_url(self, site: CmfSite) -> None:
        client = from_connection(
            site.url, site.app.username, site.app.password, {"loginUrl": f"{site.url}/login"}, tokens=TokenCache()
        )
        assert client.probe().verdict is Verdict.OK

    @pytest.mark.parametrize(
        ("host", "login", "extra"),
        [
            ("", None, EXTRA),
            ("h", None, {}),
            ("h", None, {"userPoolId": "x_y"}),
            ("h", None, {"loginUrl": "https://h/login"}),
        ],
    )
    def test_says_what_is_missing(self, host: str, login: str | None, extra: dict[str, Any]) -> None:
        with pytest.raises(InvalidInputError) as caught:
            from_connection(host, login, None, extra)
        assert caught.value.context["path"].startswith("cmf_api.")
        assert "Correct the conf" not in caught.value.hint


class _Undo:
    count = 0


def _undo_writes(site: CmfSite, times: int) -> _Undo:
    """Another writer: right after each of our PUTs it writes the item as it was before, as a lost update does."""
    store, undo, update = site.app.store, _Undo(), site.app.store.update

    def lossy(schema: str, item_id: str, changes: dict[str, Any], user: str) -> None:
        before = store.get(schema, item_id)
        update(schema, item_id, changes, user)
        if undo.count < times and before is not None:
            undo.count += 1
            store.put_raw(schema, before)

    store.update = lossy  # type: ignore[method-assign]
    return undo


def test_a_session_may_be_given(site: CmfSite) -> None:
    with requests.Session() as session:
        assert site.new_client(session=session).probe().verdict is Verdict.OK
