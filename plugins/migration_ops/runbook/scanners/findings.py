"""Findings of other scanners as our own: Prowler (OCSF JSON) and Security Hub (ASFF). What is malformed is UNKNOWN.

What only a person can check (Prowler's MANUAL) is a WARNING that says how to answer it; muted findings are OK.
Passed findings are counted by check, so that a report of thousands stays readable; all others are taken one by one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from migration_ops.aws.errors import ClientError
from migration_ops.aws.evidence_store import owned_by
from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.finding import (
    EVERYTHING,
    WORST_FIRST,
    CheckResult,
    Finding,
    FindingStatus,
    unknown,
    worst_first,
)
from migration_ops.core.finding_kind import FindingKind, KindTable

SECTION = "Maintenance Tasks, Monthly 1. Security Audit"
PROWLER, SECURITY_HUB = "prowler", "security_hub"
# The task that ingests the reports.
INGEST = "ingest"
_CHARACTERS = 300
# Of a larger report the worst findings are taken, the others counted: people read it in the scanner itself.
MOST = 500
_BY_SEVERITY = {
    "critical": FindingStatus.CRITICAL,
    "high": FindingStatus.CRITICAL,
    "medium": FindingStatus.WARNING,
    "low": FindingStatus.WARNING,
    "informational": FindingStatus.WARNING,
}

LOOK_THERE = "Look at the finding in {product}."
# Members of a finding that counts; the others are the check's own.
_COUNTED: dict[str, Any] = {"unit": "resources", "reason": "passed or muted", "evidence": (), "remedy": ""}


def _kinds(product: str, name: str) -> Iterator[FindingKind]:
    look = LOOK_THERE.format(product=product)
    yield FindingKind(check_id=f"{product}:ingest", title=f"Report of {name}", section=SECTION, remedy=look)
    yield FindingKind(check_id=f"{product}:more", title=f"More findings of {name}", section=SECTION, remedy=look)


# Kinds of finding about the reports themselves. Findings in them bring title and remedy along.
SCANNER_KINDS = KindTable(
    *_kinds(PROWLER, "Prowler"),
    *_kinds(SECURITY_HUB, "Security Hub"),
    FindingKind(
        check_id=f"{INGEST}:ingest",
        title="Reports of other scanners",
        section=SECTION,
        remedy="Clear the task ingest with downstream.",
    ),
)

MANUAL = "MANUAL"
HOW_TO_ANSWER = (
    "Prowler cannot check this. Check it yourself; if all is well, put check and resource into Prowler's mutelist with "
    "name and date: the next report has it as muted, and it is OK here."
)
# OCSF 1.x: class 2004 and its compliance object.
_WELL = frozenset({"PASS", "PASSED", "NOT_APPLICABLE", "N/A"})
_BAD = frozenset({"FAIL", "FAILED"})
_OCSF_STATUS = {1: "new", 2: "in progress", 3: "suppressed", 4: "resolved", 5: "archived", 6: "deleted"}
# "Resolved" is not among them: a resolved finding that still fails is not OK.
_LEFT_ALONE = frozenset({"suppressed", "muted", "archived", "deleted"})


@dataclass(frozen=True)
class _Seen:
    """One finding of a scanner, before its texts are cut to length."""

    check: str
    title: str
    resource: str
    verdict: FindingStatus
    reason: str
    severity: str
    remedy: str


def from_prowler(text: str | bytes, source: str) -> list[Finding]:
    """
    Prowler's ``--output-formats json-ocsf``: a list of detection findings (OCSF class 2004).

    :param text: the file.
    :param source: where it came from; the resource of findings about the file itself.
    """
    try:
        documents = json.loads(text)
    except ValueError:
        return [unknown_of(PROWLER, source, "the report is not JSON")]
    if not isinstance(documents, list):
        return [unknown_of(PROWLER, source, "the report is no list of findings")]
    if not documents:
        return [unknown_of(PROWLER, source, "the report has no findings: nothing was checked")]
    return _all(documents, _from_ocsf, PROWLER, source)


def from_security_hub(documents: Iterable[Any]) -> list[Finding]:
    """Security Hub's ``get_findings`` (AWS Security Finding Format). None at all is UNKNOWN: nothing was checked."""
    listed = list(documents)
    if not listed:
        return [
            unknown_of(SECURITY_HUB, "*", "Security Hub has no findings, passed ones neither: is a standard enabled?")
        ]
    return _all(listed, _from_asff, SECURITY_HUB, "*")


def unknown_of(product: str, resource: str, reason: str) -> Finding:
    """The finding for something that could not be ingested."""
    return SCANNER_KINDS[f"{product}:ingest"].finding(_short(resource), unknown(_short(reason)))


def _all(documents: list[Any], read: Callable[[Any], Finding], product: str, source: str) -> list[Finding]:
    taken = list(_each(documents, read, product, source))
    passed = Counter(one.check_id for one in taken if one.verdict is FindingStatus.OK)
    first = {one.check_id: one for one in reversed(taken)}
    kept: dict[str, Finding] = {}
    for one in taken:
        if one.verdict is not FindingStatus.OK:
            # The same check on the same resource twice (two Regions, two standards): the worse one stays.
            kept[one.key] = min(kept.get(one.key, one), one, key=lambda each: WORST_FIRST.index(each.verdict))
    counted = [
        replace(first[check_id], resource=EVERYTHING, verdict=FindingStatus.OK, value=number, **_COUNTED)
        for check_id, number in sorted(passed.items())
    ]
    worst = worst_first(kept.values())
    return [*worst[:MOST], *_rest(worst[MOST:], product), *counted]


def _rest(left_out: list[Finding], product: str) -> list[Finding]:
    """One finding for those beyond the limit, as bad as the worst of them."""
    if not left_out:
        return []
    reason = f"{len(left_out)} more findings that are not OK: see them in {product}"
    return [SCANNER_KINDS[f"{product}:more"].finding(EVERYTHING, CheckResult(left_out[0].verdict, reason))]


def _each(documents: list[Any], read: Callable[[Any], Finding], product: str, source: str) -> Iterator[Finding]:
    for number, document in enumerate(documents):
        try:
            yield read(document)
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            yield unknown_of(
                product, f"{source}#{number}", f"a finding lacks what it must have: {type(error).__name__}"
            )


def _from_ocsf(document: Mapping[str, Any]) -> Finding:
    code = str(document["status_code"]).upper()
    severity = str(document["severity"]).lower()
    verdict = _verdict_of_ocsf(document, code, severity)
    said = document.get("status_detail") or document["finding_info"]["title"]
    remedy = (document.get("remediation") or {}).get("desc") or ""
    if code == MANUAL and verdict is FindingStatus.WARNING:
        said, remedy = f"for a person to answer: {said}", f"{HOW_TO_ANSWER} {remedy}".strip()
    seen = _Seen(
        check=document["metadata"]["event_code"],
        title=_title_in(document.get("finding_info")),
        resource=document["resources"][0]["uid"],
        verdict=verdict,
        reason=said,
        severity=severity,
        remedy="" if verdict is FindingStatus.OK else remedy,
    )
    return _finding(seen, PROWLER)


def _verdict_of_ocsf(document: Mapping[str, Any], code: str, severity: str) -> FindingStatus:
    """By the check's status code, unless the finding is muted or archived. An unknown code is UNKNOWN."""
    status = str(document.get("status") or _OCSF_STATUS.get(document.get("status_id", 0), "")).lower()
    if code in _WELL or status in _LEFT_ALONE:
        return FindingStatus.OK
    if code == MANUAL:
        return FindingStatus.WARNING
    if code in _BAD:
        return _BY_SEVERITY.get(severity, FindingStatus.UNKNOWN)
    # "Warning" of OCSF's compliance object is less than a failure, whatever the severity.
    return FindingStatus.WARNING if code in ("WARN", "WARNING") else FindingStatus.UNKNOWN


def _from_asff(document: Mapping[str, Any]) -> Finding:
    severity = str(document["Severity"]["Label"]).lower()
    compliance = document.get("Compliance", {})
    status, control = compliance.get("Status"), compliance.get("SecurityControlId")
    verdict = FindingStatus.UNKNOWN
    workflow = document.get("Workflow", {}).get("Status")
    # People resolve events. A control that is resolved and still fails is judged by its status.
    if status == "PASSED" or workflow == "SUPPRESSED" or (workflow == "RESOLVED" and status is None):
        verdict = FindingStatus.OK
    # A finding without compliance is an event (GuardDuty, Inspector): its severity counts.
    elif status in ("FAILED", "WARNING", None):
        verdict = _BY_SEVERITY.get(severity, FindingStatus.UNKNOWN)
    seen = _Seen(
        check=control or document["GeneratorId"].rsplit("/", 1)[-1],
        title=document["Title"],
        resource=document["Resources"][0]["Id"],
        verdict=verdict,
        reason=document["Title"],
        severity=severity,
        remedy="" if verdict is FindingStatus.OK else _advice_in(document),
    )
    return _finding(seen, SECURITY_HUB)


def _finding(seen: _Seen, product: str) -> Finding:
    """Title, remedy and ids are the scanner's own, where it has them."""
    kind = FindingKind(
        check_id=_short(f"{product}:{seen.check}"),
        title=_short(_said(seen.title) or seen.check),
        section=SECTION,
        remedy=_short(_said(seen.remedy) or LOOK_THERE.format(product=product)),
    )
    evidence = (f"severity {seen.severity}",)
    return kind.finding(_short(seen.resource), CheckResult(seen.verdict, _short(seen.reason), evidence=evidence))


def _title_in(info: Any) -> str:
    title = info.get("title") if isinstance(info, Mapping) else None
    return title if isinstance(title, str) else ""


def _advice_in(document: Mapping[str, Any]) -> Any:
    return document.get("Remediation", {}).get("Recommendation", {}).get("Text", "")


def _said(text: Any) -> Any:
    """Blank text counts as missing; a value that is no text is malformed, see ``_short``."""
    return text.strip() if isinstance(text, str) else text


def _short(text: Any) -> str:
    if not isinstance(text, str) or not text:
        raise TypeError("no text")
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"


PREFIX = "runbook/inbox"
_ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})
MAX_BYTES = 20_000_000


def fetch_report(reader: AwsReader, key: str) -> tuple[bytes, datetime] | None:
    """
    An object of the evidence bucket and when it was written; None when there is none, or no bucket.

    :raises ClientError: S3 could not be read: that is not "none".
    :raises UnknownError: it is too large to be a report.
    """
    bucket = reader.settings.evidence_bucket
    if not bucket:
        return None
    try:
        owner = reader.settings.evidence_bucket_owner
        answer = reader.client("s3").get_object(Bucket=bucket, Key=key, **owned_by(owner))
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _ABSENT:
            return None
        raise
    if answer["ContentLength"] > MAX_BYTES:
        raise UnknownError(f"the report has {answer['ContentLength']} bytes, more than {MAX_BYTES}", key=key)
    return answer["Body"].read(), answer["LastModified"]
