"""Lists are read to their end: whoever calls an operation with pages asks for them, or says here why one is enough."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader

import migration_ops
from migration_ops.aws.reader import PAGED_WHEN_ASKED

HOME = Path(migration_ops.__file__).parent
SERVICES = (
    *("accessanalyzer", "ce", "cloudformation", "cloudwatch", "dynamodb", "ec2", "events", "iam", "kms", "lambda"),
    *("logs", "mgn", "pipes", "s3", "scheduler", "secretsmanager", "securityhub", "service-quotas", "sns", "sqs"),
    *("ssm", "stepfunctions", "sts"),
)
TOKENS = {
    *("NextToken", "nextToken", "NextMarker", "Marker", "LastEvaluatedKey", "NextPageToken", "NextContinuationToken")
}
# Calls of operations that have pages by one request, or by a method of that name: why nothing is left unread.
ONE_PAGE_IS_ENOUGH = {
    ("aws/inventory/cost.py", "get_cost_and_usage"): "its token is followed",
    ("aws/inventory/cost_week.py", "get_cost_and_usage"): "its token is followed",
    ("aws/inventory/iam_last_accessed.py", "get_service_last_accessed_details"): "its marker is followed",
    ("aws/inventory/stepfunctions_details.py", "get_execution_history"): "the last events alone are evidence",
    ("aws/inventory/stepfunctions_performance.py", "list_executions"): "the newest few are examples",
    ("aws/mgn/hook.py", "describe_job_log_items"): "by name, to what reads all pages",
    ("aws/mgn/hook.py", "describe_jobs"): "by name, to what reads all pages",
    ("aws/mgn/hook.py", "describe_source_servers"): "by name, to what reads all pages",
    ("aws/mgn/hook.py", "list_applications"): "by name, to what reads all pages",
    ("aws/mgn/hook.py", "list_waves"): "by name, to what reads all pages",
    ("aws/stack.py", "describe_stack_events"): "the first page has the latest events",
    ("aws/stack.py", "describe_stacks"): "one stack by its name",
    ("ledger/archiving.py", "query"): "a method of the ledger's table, which reads all pages",
    ("ledger/durations.py", "query"): "a method of the ledger's table, which reads all pages",
    ("ledger/dynamodb.py", "query"): "a method of the ledger's table, which reads all pages",
    ("ledger/anchors.py", "query"): "a method of the ledger's table, which reads all pages",
    ("ledger/survey.py", "query"): "a method of the ledger's table, which reads all pages",
    ("operators/sensors.py", "describe_jobs"): "a method of the hook, which reads all pages",
    ("runbook/backup/scan.py", "scan"): "its key is followed",
    ("runbook/insights/run.py", "get_query_results"): "its token is followed",
    ("wave/launching/external_launches.py", "describe_jobs"): "a method of the hook, which reads all pages",
    ("wave/launching/launch_actions.py", "describe_jobs"): "a method of the hook, which reads all pages",
    ("wave/launching/terminate.py", "describe_jobs"): "a method of the hook, which reads all pages",
    ("wave/preflight/launch_setup.py", "describe_launch_template_versions"): "one template's default version",
}
GETS_PAGES = {"pages", "pages_or_none", "_pages", "get_paginator", "can_paginate"}


@cache
def paged() -> dict[str, set[str]]:
    """Operations that answer a token, with their services."""
    found: dict[str, set[str]] = {}
    for service in SERVICES:
        model: dict[str, Any] = Loader().load_service_model(service, "service-2")
        for name, operation in model["operations"].items():
            output = model["shapes"].get(operation.get("output", {}).get("shape"), {})
            if TOKENS & set(output.get("members", {})):
                found.setdefault(xform_name(name), set()).add(service)
    return found


def called() -> Iterator[tuple[str, str]]:
    """Module and operation of each single request: by method, or by name as in ``call("sns", "list_topics")``."""
    for path in sorted(HOME.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in paged():
                yield str(path.relative_to(HOME)), node.func.attr
            if node.func.attr not in GETS_PAGES:
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and argument.value in paged():
                        yield str(path.relative_to(HOME)), argument.value


def test_no_list_ends_at_its_first_page() -> None:
    assert set(called()) == set(ONE_PAGE_IS_ENOUGH)


def test_what_pages_only_when_asked_is_asked_for_pages() -> None:
    """SQS says so of its two lists: without MaxResults no token comes back, however many there are."""
    silent = set()
    for service in SERVICES:
        model = Loader().load_service_model(service, "service-2")
        for name, operation in model["operations"].items():
            shape = model["shapes"].get(operation.get("input", {}).get("shape"), {})
            text = str(shape.get("members", {}).get("MaxResults", {}).get("documentation", ""))
            if "must set" in text.lower() and "NextToken" in text:
                silent.add((service, xform_name(name)))
    assert silent <= set(PAGED_WHEN_ASKED)
    assert ("sqs", "list_queues") in PAGED_WHEN_ASKED
