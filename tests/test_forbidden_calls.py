"""Calls that the package never makes, whoever adds code: read from the syntax trees, so that no test has to run it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = sorted([*(ROOT / "plugins").rglob("*.py"), *(ROOT / "dags").rglob("*.py")])
# They run text, or take messages from queues that the package only looks at.
FORBIDDEN = frozenset({"eval", "exec", "unsafe_load", "full_load", "receive_message", "delete_message", "purge_queue"})
UNSAFE_MODULES = frozenset({"pickle", "dill", "marshal", "shelve"})
# The login of the CMDB may be kept in Secrets Manager; of everybody else's secrets only the metadata is read.
READS_A_SECRET = "plugins/migration_ops/integrations/cmdb/cmf_auth.py"


def calls_of(source: str) -> Iterator[str]:
    """Names of what is forbidden in a module's source, and ``get_secret_value`` when it is a call of AWS."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module]
            yield from (f"import {one}" for one in names if one in UNSAFE_MODULES)
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
        # pydantic's method get_secret_value has no arguments.
        if name in FORBIDDEN or (name == "get_secret_value" and node.keywords):
            yield name
        for one in node.keywords:
            if one.arg == "shell" and not (isinstance(one.value, ast.Constant) and one.value.value is False):
                yield "shell=True"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("eval('1')", ["eval"]),
        ("import pickle", ["import pickle"]),
        ("from pickle import loads", ["import pickle"]),
        ("subprocess.run('ls', shell=True)", ["shell=True"]),
        ("yaml.unsafe_load(text)", ["unsafe_load"]),
        ("client('sqs').receive_message(QueueUrl=url)", ["receive_message"]),
        ("client.get_secret_value(SecretId=name)", ["get_secret_value"]),
        ("password.get_secret_value(); subprocess.run(['ls'], shell=False)", []),
    ],
)
def test_each_is_found(source: str, expected: list[str]) -> None:
    assert list(calls_of(source)) == expected


def test_the_package_makes_none_of_them() -> None:
    found = {str(one.relative_to(ROOT)): sorted(calls_of(one.read_text())) for one in SHIPPED}
    assert len(found) > 300
    assert found.pop(READS_A_SECRET) == ["get_secret_value"]
    assert {path: calls for path, calls in found.items() if calls} == {}


def test_the_plugin_serves_no_pages() -> None:
    """Its middleware refuses hosts; nothing of ours answers requests, so nothing of ours must ask who is there."""
    text = (ROOT / "plugins" / "migration_plugin.py").read_text()
    names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    assert "AirflowPlugin" in names
    assert not names & {
        "fastapi_apps",
        "flask_blueprints",
        "appbuilder_views",
        "react_apps",
    }


def test_hooks_of_commits_run_what_the_lock_installed() -> None:
    document = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [one["repo"] for one in document["repos"]] == ["local"]
    hooks = [hook for one in document["repos"] for hook in one["hooks"]]
    assert hooks
    assert {(hook["language"], hook["entry"].startswith(".venv/bin/")) for hook in hooks} == {("system", True)}
