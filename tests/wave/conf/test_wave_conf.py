"""The conf: what is refused, with which path, and that everything is reported in one go."""

from __future__ import annotations

import copy
import itertools
import json
import math
import pickle
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from migration_ops.core.errors import InvalidInputError
from migration_ops.wave.conf.model import InvalidConfError, WaveConf, conf_from_mgn_wave, parse_conf, restore_conf
from migration_ops.wave.conf.schema import schema_text, wave_conf_schema
from tests.wave.builders import NOW, application, conf, document, server_id

INCLUDE = Path(__file__).parents[3] / "include"
EXAMPLES = sorted((INCLUDE / "waves").glob("*.json"))
MGN_WAVE = "wave-0123456789abcdef0"


def findings(broken: Any) -> dict[str, set[str]]:
    with pytest.raises(InvalidConfError) as caught:
        parse_conf(broken, now=NOW)
    found: dict[str, set[str]] = {}
    for one in caught.value.context["findings"]:
        assert set(one) == {"path", "code", "message"}
        assert one["message"]
        found.setdefault(one["path"], set()).add(one["code"])
    return found


def at(path: str, value: Any) -> dict[str, Any]:
    """The example conf with one value changed; ``path`` is dotted, numbers are indices."""
    changed: Any = document(application("billing", servers=(1,), checks=[{"type": "tcp", "port": 22}]))
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    here = changed
    for part in parents:
        here = here[part] if isinstance(part, int) else here.setdefault(part, {})
    here[last] = value
    return changed


def test_defaults_are_the_safe_ones() -> None:
    parsed = conf()
    assert parsed.dry_run is True
    assert (parsed.on_failure, parsed.finalize, parsed.test_launch) == ("ask", True, True)
    assert (parsed.approvals.cutover, parsed.approvals.finalize) == (True, True)
    assert (parsed.replication.max_lag_seconds, parsed.replication.samples) == (600, 3)
    assert (parsed.final_sync.max_lag_seconds, parsed.final_sync.max_backlogged_bytes) == (60, 0)
    assert parsed.applications[0].impact == "medium"
    assert parsed.failure_threshold is None


def test_a_conf_cannot_be_changed_later() -> None:
    with pytest.raises(ValidationError):
        conf().dry_run = False  # type: ignore[misc]


@pytest.mark.parametrize(
    ("path", "value", "expected", "code"),
    [
        ("wave", "", "wave", "string_too_short"),
        ("wave", "w" * 257, "wave", "string_too_long"),
        ("wave", " wave", "wave", "string_pattern_mismatch"),
        ("wave", "wave\n", "wave", "string_pattern_mismatch"),
        ("dryRun", "false", "dryRun", "bool_type"),
        ("dryRun", 0, "dryRun", "bool_type"),
        ("accountId", "12345678901", "accountId", "string_pattern_mismatch"),
        ("accountId", "١٢٣٤٥٦٧٨٩٠١٢", "accountId", "string_pattern_mismatch"),
        ("accountId", 111122223333, "accountId", "string_type"),
        ("region", "us-east-1/../x", "region", "string_pattern_mismatch"),
        ("surprise", 1, "surprise", "extra_forbidden"),
        ("applications.0.surprise", 1, "applications[0].surprise", "extra_forbidden"),
        ("replication.maxLagSeconds", -1, "replication.maxLagSeconds", "greater_than_equal"),
        ("replication.samples", 0, "replication.samples", "greater_than_equal"),
        ("replication.samples", 2.5, "replication.samples", "int_type"),
        ("replication.pollSeconds", 0, "replication.pollSeconds", "greater_than_equal"),
        ("replication.timeoutMinutes", 0, "replication.timeoutMinutes", "greater_than"),
        ("replication.timeoutMinutes", 2, "replication.timeoutMinutes", "cannot_be_met"),
        ("replication.max_lag_seconds", 1, "replication.max_lag_seconds", "extra_forbidden"),
        ("finalSync.maxBackloggedBytes", -1, "finalSync.maxBackloggedBytes", "greater_than_equal"),
        ("soakMinutes", -1, "soakMinutes", "greater_than_equal"),
        ("soakMinutes", True, "soakMinutes", "float_type"),
        ("onFailure", "retry", "onFailure", "literal_error"),
        ("failureThreshold", 0, "failureThreshold", "greater_than_equal"),
        ("approvals.timeoutMinutes", -5, "approvals.timeoutMinutes", "greater_than"),
        ("approvals.approvers", ["ann", "ann"], "approvals.approvers[1]", "duplicate"),
        ("cutoverWindow.opens", "2026-06-01T00:00:00", "cutoverWindow.opens", "timezone_aware"),
        ("cutoverWindow.opens", 1780000000, "cutoverWindow.opens", "datetime_type"),
        ("cutoverWindow.closes", "2026-05-04T12:00:00Z", "cutoverWindow.closes", "window_closed"),
        ("cutoverWindow.closes", "2026-05-04T13:59:59+02:00", "cutoverWindow.closes", "window_closed"),
        ("cutoverWindow.closes", "9999-12-31T23:59:59-14:00", "cutoverWindow.closes", "value_error"),
        ("cutoverWindow.changeCalendars", ["a b"], "cutoverWindow.changeCalendars[0]", "string_pattern_mismatch"),
        ("cutoverWindow.changeCalendars", ["cal", "cal"], "cutoverWindow.changeCalendars[1]", "duplicate"),
        ("applications.0.appName", "a ", "applications[0].appName", "string_pattern_mismatch"),
        ("applications.0.impact", "huge", "applications[0].impact", "literal_error"),
        ("applications.0.servers", [], "applications[0].servers", "too_short"),
        (
            "applications.0.servers.0.migrationId",
            "web01",
            "applications[0].servers[0].migrationId",
            "string_pattern_mismatch",
        ),
        ("applications.0.servers.0.cmdbId", "../1", "applications[0].servers[0].cmdbId", "string_pattern_mismatch"),
        ("applications.0.checks.0.port", 0, "applications[0].checks[0].port", "greater_than_equal"),
        ("applications.0.checks.0.port", 65536, "applications[0].checks[0].port", "less_than_equal"),
        ("applications.0.checks.0.type", "icmp", "applications[0].checks[0]", "union_tag_invalid"),
        ("applications.0.checks.0.tcp", 1, "applications[0].checks[0].tcp", "extra_forbidden"),
        ("applications.0.checks", [{"type": "ssm", "commands": []}], "applications[0].checks[0].commands", "too_short"),
        ("callbackUrl", "ftp://example.com", "callbackUrl", "bad_url"),
        ("callbackUrl", "https://", "callbackUrl", "bad_url"),
        ("callbackUrl", "https://h:99999/x", "callbackUrl", "bad_url"),
        ("callbackUrl", "https://h/a b", "callbackUrl", "bad_url"),
        ("callbackUrl", "https://[::1", "callbackUrl", "bad_url"),
        ("callbackUrl", "https://user:geheim@h/x", "callbackUrl", "secret_in_url"),
        ("callbackUrl", "https://h/x#frag", "callbackUrl", "url_fragment"),
        ("mgnWaveId", MGN_WAVE, "mgnWaveId", "both_given"),
        ("applications", [], "applications", "empty_wave"),
        ("applications", None, "applications", "empty_wave"),
    ],
)
def test_one_wrong_value_is_named_by_its_path(path: str, value: Any, expected: str, code: str) -> None:
    assert code in findings(at(path, value)).get(expected, set())


@pytest.mark.parametrize("source", ["", "s-123", "i-0123456789abcdef0", "s-0123456789abcdef0\n", "s-0123456789abcdef!"])
def test_source_server_ids_follow_mgns_pattern(source: str) -> None:
    wrong = findings(at("applications.0.servers.0.sourceServerId", source))
    assert wrong == {"applications[0].servers[0].sourceServerId": {"string_pattern_mismatch"}}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://{privateIp}:8080/health", None),
        ("https://{publicIp}/", None),
        ("http://{privateIp}:8080/{instanceId}/health?of={privateIp}", None),
        ("http://127.0.0.1:5000/{instanceId}/health", "names_no_instance"),
        ("http://billing.example.com/health", "names_no_instance"),
        ("http://billing.example.com/health?of={instanceId}", "names_no_instance"),
        ("http://billing.example.com/health#{instanceId}", "names_no_instance"),
        ("http://{privateIP}/", "unknown_placeholder"),
        ("http://{privateIp}/{0}", "unknown_placeholder"),
        ("http://{privateIp}/{", "unknown_placeholder"),
        ("gopher://{privateIp}/", "bad_url"),
        ("http://u:p@{privateIp}/", "secret_in_url"),
        ("{privateIp}:80", "bad_url"),
    ],
)
def test_check_urls_ask_the_new_instance(url: str, code: str | None) -> None:
    changed = at("applications.0.checks", [{"type": "http", "url": url}])
    if code is None:
        assert parse_conf(changed, now=NOW).applications[0].checks[0].type == "http"
    else:
        assert findings(changed) == {"applications[0].checks[0].url": {code}}


def test_everything_wrong_is_reported_at_once() -> None:
    broken = document(
        application("a", "b", "ghost", servers=(1, 2)),
        application("b", "a", servers=(2,)),
        application("a", servers=(3,)),
        dryRun="no",
        surprise=1,
        mgnWaveId=MGN_WAVE,
        cutoverWindow={"opens": "2026-02-01T00:00:00Z", "closes": "2026-01-01T00:00:00Z"},
        callbackUrl="https://user:geheim@h/x",
    )
    found = findings(broken)
    assert found["dryRun"] == {"bool_type"}
    assert found["surprise"] == {"extra_forbidden"}
    assert found["mgnWaveId"] == {"both_given"}
    assert found["applications[1].servers[0].sourceServerId"] == {"duplicate"}
    assert found["applications[2].appName"] == {"duplicate"}
    assert found["applications[0].dependsOn[1]"] == {"unknown_dependency"}
    assert found["applications"] == {"dependency_cycle"}
    assert found["cutoverWindow.closes"] == {"window_closed"}
    assert found["cutoverWindow.opens"] == {"opens_after_closes"}
    assert found["callbackUrl"] == {"secret_in_url"}


def test_a_refusal_shows_no_secret_and_pickles() -> None:
    with pytest.raises(InvalidConfError) as caught:
        parse_conf(document(callbackUrl="https://user:geheim@h/x"), now=NOW)
    assert "geheim" not in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, InvalidInputError)
    assert again.context == caught.value.context
    json.dumps(again.as_document())


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ({"a": ["a"]}, "a → a"),
        ({"a": ["b"], "b": ["a"]}, "a → b → a"),
        ({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}, "→"),
    ],
)
def test_a_cycle_is_named_along_depends_on(edges: dict[str, list[str]], cycle: str) -> None:
    applications = [application(name, *needs, servers=(index,)) for index, (name, needs) in enumerate(edges.items())]
    with pytest.raises(InvalidConfError) as caught:
        parse_conf(document(*applications), now=NOW)
    (one,) = [one for one in caught.value.context["findings"] if one["code"] == "dependency_cycle"]
    named = one["message"].split(": ", 1)[1].split(" → ")
    assert cycle in one["message"] or set(named) == {"a", "b"}
    assert named[0] == named[-1]
    assert all(after in edges[before] for before, after in itertools.pairwise(named))


def test_a_server_in_two_applications_is_one_finding() -> None:
    assert findings(document(application("a", servers=(1,)), application("b", servers=(1,)))) == {
        "applications[1].servers[0].sourceServerId": {"duplicate"}
    }


def test_ids_are_given_once() -> None:
    servers = [{"sourceServerId": server_id(one), "migrationId": "mig-1", "cmdbId": "7"} for one in (1, 2)]
    assert findings(document({"appName": "a", "servers": servers})) == {
        "applications[0].servers[1].migrationId": {"duplicate"},
        "applications[0].servers[1].cmdbId": {"duplicate"},
    }


def test_a_given_migration_id_may_not_be_one_that_is_derived_elsewhere() -> None:
    derived = _derived(server_id(1))
    servers = [{"sourceServerId": server_id(1)}, {"sourceServerId": server_id(2), "migrationId": derived}]
    assert findings(document({"appName": "a", "servers": servers})) == {
        "applications[0].servers[1].migrationId": {"duplicate"}
    }


def _derived(source: str) -> str:
    from migration_ops.wave.plan.plan import migration_id_for

    return migration_id_for("wave-3", source)


@pytest.mark.parametrize(("count", "is_refused"), [(200, False), (201, True)])
def test_an_application_holds_two_hundred_servers(count: int, is_refused: bool) -> None:
    changed = document(application("a", servers=tuple(range(count))))
    if is_refused:
        assert findings(changed) == {"applications[0].servers": {"too_long"}}
    else:
        assert len(parse_conf(changed, now=NOW).applications[0].servers) == count


def _quiesce(*servers: int) -> dict[str, Any]:
    ids = {server_id(one): f"mi-{one:017x}" for one in servers}
    return {"commands": ["stop"], "undoCommands": ["start"], "instanceIds": ids}


def test_quiesce_covers_every_server_and_can_be_undone() -> None:
    applications = [application("a", servers=(1, 2))]
    assert conf(*applications, quiesce=_quiesce(1, 2)).quiesce is not None
    assert findings(document(*applications, quiesce=_quiesce(1))) == {"quiesce.instanceIds": {"missing_instance"}}
    assert findings(document(*applications, quiesce=_quiesce(1, 2, 3))) == {
        f"quiesce.instanceIds.{server_id(3)}": {"unknown_server"}
    }
    no_way_back = {key: value for key, value in _quiesce(1, 2).items() if key != "undoCommands"}
    assert findings(document(*applications, quiesce=no_way_back)) == {"quiesce.undoCommands": {"missing"}}


@pytest.mark.parametrize("opens", ["2099-01-01T00:00:00Z", "2099-01-01T01:00:00+01:00", "2099-01-02T00:00:00Z"])
def test_a_window_opens_before_it_closes(opens: str) -> None:
    window = {"opens": opens, "closes": "2099-01-01T00:00:00Z"}
    assert findings(document(cutoverWindow=window)) == {"cutoverWindow.opens": {"opens_after_closes"}}


def test_a_window_is_kept_in_utc() -> None:
    parsed = conf(cutoverWindow={"opens": "2026-06-01T01:00:00+02:00"})
    assert parsed.as_document()["cutoverWindow"]["opens"] == "2026-05-31T23:00:00Z"


@pytest.mark.parametrize("broken", [None, [], "conf", 1, {"wave": math.nan}, {"wave": object()}, {"wave": {1, 2}}])
def test_what_is_no_json_object_is_refused(broken: Any) -> None:
    assert set(findings(broken)) == {""}


def test_nesting_without_end_is_refused() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert findings({"wave": "w", "applications": deep})


def test_a_conf_survives_its_own_document() -> None:
    parsed = parse_conf(json.loads((INCLUDE / "waves" / "full.json").read_text()), now=NOW)
    assert parse_conf(parsed.as_document(), now=NOW) == parsed == restore_conf(parsed.as_document())


def test_restoring_does_not_ask_the_time() -> None:
    parsed = conf(cutoverWindow={"closes": "2026-05-04T12:00:01Z"})
    later = NOW.replace(hour=13)
    assert restore_conf(parsed.as_document()) == parsed
    with pytest.raises(InvalidConfError):
        parse_conf(parsed.as_document(), now=later)
    with pytest.raises(InvalidConfError):
        restore_conf({})


def test_applications_of_an_mgn_wave() -> None:
    given_id = parse_conf({"wave": "w", "mgnWaveId": MGN_WAVE, "onFailure": "hold"}, now=NOW)
    full = parse_conf(conf_from_mgn_wave(given_id, {"a": [server_id(1), server_id(2)], "b": [server_id(3)]}), now=NOW)
    assert [one.app_name for one in full.applications] == ["a", "b"]
    assert [one.source_server_id for one in full.applications[0].servers] == [server_id(1), server_id(2)]
    assert (full.on_failure, full.mgn_wave_id) == ("hold", None)
    assert findings(conf_from_mgn_wave(given_id, {"a": []})) == {"applications[0].servers": {"too_short"}}
    assert findings(conf_from_mgn_wave(given_id, {})) == {"applications": {"empty_wave"}}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_confs_and_match_the_schema(path: Path) -> None:
    example = json.loads(path.read_text())
    assert isinstance(parse_conf(example, now=NOW), WaveConf)
    jsonschema.Draft202012Validator(wave_conf_schema()).validate(example)


def test_the_kept_schema_is_current() -> None:
    kept = (INCLUDE / "schemas" / "wave_conf.json").read_text()
    assert kept == schema_text(), "run: python -m migration_ops.wave.conf.schema > include/schemas/wave_conf.json"


def test_the_schema_is_one_and_describes_every_field() -> None:
    schema = wave_conf_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert all("title" in field or "$ref" in field or "default" in field for field in schema["properties"].values())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([one.alias or "" for one in WaveConf.model_fields.values()]), JSON, max_size=6))
def test_no_document_brings_an_untyped_error(broken: dict[str, Any]) -> None:
    _parses_or_is_refused(broken)


_FULL = json.loads((INCLUDE / "waves" / "full.json").read_text())


def _paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    return [(*here, key) for key, _ in children] + [path for key, one in children for path in _paths(one, (*here, key))]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(_paths(_FULL)), JSON), min_size=1, max_size=4))
def test_no_damage_to_a_good_conf_brings_an_untyped_error(damage: list[tuple[tuple[Any, ...], Any]]) -> None:
    broken = copy.deepcopy(_FULL)
    for path, value in damage:
        here = broken
        try:
            for part in path[:-1]:
                here = here[part]
            here[path[-1]] = value
        except (TypeError, KeyError, IndexError):
            continue  # An earlier damage took this place away.
    _parses_or_is_refused(broken)


def _parses_or_is_refused(broken: dict[str, Any]) -> None:
    try:
        parsed = parse_conf(broken, now=NOW)
    except InvalidConfError:
        return
    assert parse_conf(parsed.as_document(), now=NOW) == parsed
