"""What an empty list means: nothing of the kind is here, or something that must be here is gone.

Only a list that was read completely can be empty. A list that could not be read stays UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic.alias_generators import to_snake

from migration_ops.core.config import Names, Resources
from migration_ops.core.facts import NONE_EXPECTED, NOT_READ, OWN_MISSING, WARN_ONLY, is_failed
from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.core.settings import Settings
from migration_ops.runbook.scanners.pip_audit import NoScanError

SKIPPED = "not expected (resources.yaml), skipped"


@dataclass(frozen=True)
class Listed:
    """
    A list that a reader makes.

    :param kind: the member of ``resources.yaml`` by which its entries are chosen, or one of its ``expect``.
    :param label: what it is a list of, for messages.
    :param verdict: when it is empty and not expected.
    """

    kind: str
    label: str
    verdict: FindingStatus = FindingStatus.OK


_FUNCTIONS, _MACHINES = Listed("functions", "functions"), Listed("stateMachines", "state machines")
_QUEUES, _COSTS = Listed("queues", "queues"), Listed("costs", "cost data")
# By the list that checks judge. Other lists are our own (ledger, table, heartbeats): the check's `empty` decides.
LISTS: dict[str, Listed] = {
    "advisories.scans": Listed("dependencyScan", "scan of the Python packages", FindingStatus.WARNING),
    "audit_lambda.functions": _FUNCTIONS,
    "audit_sqs.queues": _QUEUES,
    "audit_states.machines": _MACHINES,
    "cost_explorer.services": _COSTS,
    "cost_explorer.tags": _COSTS,
    "cost_week.services": _COSTS,
    "events.rules": Listed("buses", "rules"),
    "eventbus.buses": Listed("buses", "event buses"),
    "function_runtimes.functions": _FUNCTIONS,
    "functions.functions": _FUNCTIONS,
    "iam.roles": Listed("roles", "roles"),
    "kms.keys": Listed("keys", "customer keys"),
    "performance_lambda.functions": _FUNCTIONS,
    "performance_states.stateMachines": _MACHINES,
    "s3.buckets": Listed("buckets", "buckets"),
    "secretsmanager.secrets": Listed("secrets", "secrets"),
    "sns.topics": Listed("topics", "topics"),
    "sqs.queues": _QUEUES,
    "state_definitions.stateMachines": _MACHINES,
    "stepfunctions.stateMachines": _MACHINES,
}
# Lists whose entries are named as the settings name our own resources.
_OWN = {"eventbus.buses", "s3.buckets", "sns.topics"}


def with_expectations(
    reader: str, document: dict[str, Any], resources: Resources, settings: Settings
) -> dict[str, Any]:
    """
    The document with additions: empty lists that are no fault (``noneExpected``), our own resources that a list lacks
    (``ownMissing``), and per entry the reason why it is a WARNING at most (``warnOnly``).

    :param reader: name of the reader that made the document.
    """
    found = dict(document)
    none, missing = [], {}
    for about, listed in LISTS.items():
        name, member = about.split(".")
        if name != reader or member not in document:
            continue
        entries = _unless_not_set_up(document[member], listed, resources)
        if not isinstance(entries, list):
            continue
        found[member] = _with_reasons(entries, resources, listed.kind)
        if about in _OWN:
            missing[member] = _missing(listed, entries, resources, settings)
        if not entries and not missing.get(member) and not resources.expects(listed.kind):
            none.append(member)
    more = {OWN_MISSING: {name: names for name, names in missing.items() if names}} if any(missing.values()) else {}
    return found | more | ({NONE_EXPECTED: none} if none and NONE_EXPECTED not in document else {})


def _unless_not_set_up(entries: Any, listed: Listed, resources: Resources) -> Any:
    """A scan that nobody has set up counts as an empty list, unless it is expected."""
    is_absent = is_failed(entries) and entries[NOT_READ]["code"] == NoScanError.code
    return [] if is_absent and not resources.expects(listed.kind) else entries


def _with_reasons(entries: list[Any], resources: Resources, kind: str) -> list[Any]:
    """Entries, with the reason for those that are a WARNING at most, see ``Names.warn_only``."""
    names = getattr(resources, to_snake(kind), None)
    if not isinstance(names, Names) or not names.warn_only:
        return entries
    return [one | {WARN_ONLY: why} if (why := names.why_warn_only(str(one.get("name")))) else one for one in entries]


def _missing(listed: Listed, entries: list[Any], resources: Resources, settings: Settings) -> list[str]:
    names = getattr(resources, listed.kind)
    there = {one.get("name") for one in entries}
    own = resources.own_names(settings).get(listed.kind, ())
    return [one for one in own if names.matches(one) and one not in there]


def none_here(about: str) -> tuple[FindingStatus, str]:
    """Verdict and reason for a list that is empty and not expected."""
    listed = LISTS.get(about, Listed("", about))
    return listed.verdict, f"no {listed.label} here: {SKIPPED}"


def skipped_lines(findings: Iterable[Finding]) -> list[str]:
    """A line for each kind that is not here: ``no functions here: 9 checks skipped``."""
    counted: dict[str, int] = {}
    for one in findings:
        head, separator, _ = one.reason.partition(f": {SKIPPED}")
        if separator:
            counted[head] = counted.get(head, 0) + 1
    return [f"{head}: {number} check{'s' * (number != 1)} skipped" for head, number in sorted(counted.items())]
