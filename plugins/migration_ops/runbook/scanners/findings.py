"""Findings of other scanners as our own: Prowler (OCSF JSON) and Security Hub (ASFF). What is malformed is UNKNOWN.

Passed ones are counted by check, so that a report of thousands stays readable; all others are taken one by one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from migration_ops.aws.errors import ClientError
from migration_ops.aws.reader import Reader
from migration_ops.core.errors import Unknown
from migration_ops.core.finding import WORST_FIRST, Finding, FindingVerdict, worst_first

SECTION = "Maintenance Tasks, Monthly 1. Security Audit"
PROWLER, SECURITY_HUB = "prowler", "security_hub"
_CHARACTERS = 300
# A report of more is read in the scanner itself; the worst are taken over, the others counted.
MOST = 500
_BY_SEVERITY = {
    "critical": FindingVerdict.CRITICAL,
    "high": FindingVerdict.CRITICAL,
    "medium": FindingVerdict.WARNING,
    "low": FindingVerdict.WARNING,
    "informational": FindingVerdict.WARNING,
}


def from_prowler(text: str | bytes, source: str) -> list[Finding]:
    """
    Prowler's ``--output-formats json-ocsf``: a list of detection findings (OCSF class 2004).

    :param text: the file.
    :param source: where it came from, the resource of what is UNKNOWN about the file itself.
    """
    try:
        documents = json.loads(text)
    except ValueError:
        return [unknown_of(PROWLER, source, "the report is not JSON")]
    if not isinstance(documents, list):
        return [unknown_of(PROWLER, source, "the report is no list of findings")]
    if not documents:
        return [unknown_of(PROWLER, source, "the report has no findings: nothing was looked at")]
    return _all(documents, _from_ocsf, PROWLER, source)


def from_security_hub(documents: Iterable[Any]) -> list[Finding]:
    """Security Hub's ``get_findings`` (AWS Security Finding Format). None at all is UNKNOWN: nothing was looked at."""
    listed = list(documents)
    if not listed:
        return [
            unknown_of(SECURITY_HUB, "*", "Security Hub has no findings, passed ones neither: is a standard enabled?")
        ]
    return _all(listed, _from_asff, SECURITY_HUB, "*")


def unknown_of(product: str, resource: str, reason: str) -> Finding:
    """What could not be taken over."""
    return _finding(product, "ingest", resource, FindingVerdict.UNKNOWN, reason)


def _all(documents: list[Any], read: Callable[[Any], Finding], product: str, source: str) -> list[Finding]:
    taken = list(_each(documents, read, product, source))
    passed = Counter(one.check_id for one in taken if one.verdict is FindingVerdict.OK)
    kept: dict[str, Finding] = {}
    for one in taken:
        if one.verdict is not FindingVerdict.OK:
            # The same check on the same resource twice (two Regions, two standards): the worse one stays.
            kept[one.key] = min(kept.get(one.key, one), one, key=lambda each: WORST_FIRST.index(each.verdict))
    counted = [
        Finding(check_id, "*", FindingVerdict.OK, value=number, unit="resources", reason="passed", section=SECTION)
        for check_id, number in sorted(passed.items())
    ]
    worst = worst_first(kept.values())
    return [*worst[:MOST], *_rest(worst[MOST:], product), *counted]


def _rest(left_out: list[Finding], product: str) -> list[Finding]:
    """One finding for those beyond the limit, as bad as the worst of them."""
    if not left_out:
        return []
    reason = f"{len(left_out)} more findings that are not OK: see them in {product}"
    return [_finding(product, "more", "*", left_out[0].verdict, reason)]


def _each(documents: list[Any], read: Callable[[Any], Finding], product: str, source: str) -> Iterator[Finding]:
    for number, document in enumerate(documents):
        try:
            yield read(document)
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            yield unknown_of(
                product, f"{source}#{number}", f"a finding lacks what it must have: {type(error).__name__}"
            )


def _from_ocsf(document: Mapping[str, Any]) -> Finding:
    code = document["status_code"]
    severity = str(document["severity"]).lower()
    is_muted = str(document.get("status", "")).lower() == "suppressed"
    verdict = FindingVerdict.UNKNOWN
    if code == "PASS" or (code == "FAIL" and is_muted):
        verdict = FindingVerdict.OK
    elif code == "FAIL":
        verdict = _BY_SEVERITY.get(severity, FindingVerdict.UNKNOWN)
    return _finding(
        PROWLER,
        document["metadata"]["event_code"],
        document["resources"][0]["uid"],
        verdict,
        document.get("status_detail") or document["finding_info"]["title"],
        f"severity {severity}",
        document.get("remediation", {}).get("desc", ""),
    )


def _from_asff(document: Mapping[str, Any]) -> Finding:
    severity = str(document["Severity"]["Label"]).lower()
    compliance = document.get("Compliance", {})
    status, control = compliance.get("Status"), compliance.get("SecurityControlId")
    verdict = FindingVerdict.UNKNOWN
    workflow = document.get("Workflow", {}).get("Status")
    # People resolve events; a control that is resolved and still fails is looked at again.
    if status == "PASSED" or workflow == "SUPPRESSED" or (workflow == "RESOLVED" and status is None):
        verdict = FindingVerdict.OK
    # A finding without compliance is an event (GuardDuty, Inspector): its severity speaks.
    elif status in ("FAILED", "WARNING", None):
        verdict = _BY_SEVERITY.get(severity, FindingVerdict.UNKNOWN)
    return _finding(
        SECURITY_HUB,
        control or document["GeneratorId"].rsplit("/", 1)[-1],
        document["Resources"][0]["Id"],
        verdict,
        document["Title"],
        f"severity {severity}",
        document.get("Remediation", {}).get("Recommendation", {}).get("Text", ""),
    )


def _finding(
    product: str, check: str, resource: str, verdict: FindingVerdict, reason: str, seen: str = "", remedy: str = ""
) -> Finding:
    return Finding(
        check_id=_short(f"{product}:{check}"),
        resource=_short(resource),
        verdict=verdict,
        reason=_short(reason),
        evidence=(seen,) if seen else (),
        remedy="" if verdict is FindingVerdict.OK else _short(remedy or f"Look at the finding in {product}."),
        section=SECTION,
    )


def _short(text: Any) -> str:
    if not isinstance(text, str) or not text:
        raise TypeError("no text")
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"


PREFIX = "runbook/inbox"
_ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})
MAX_BYTES = 20_000_000


def take(reader: Reader, key: str) -> tuple[bytes, datetime] | None:
    """
    An object and when it was written; None when there is none, or no bucket.

    :raises ClientError: S3 does not say: that is not "none".
    :raises Unknown: it is too large to be a report.
    """
    bucket = reader.settings.evidence_bucket
    if not bucket:
        return None
    try:
        answer = reader.of("s3").get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _ABSENT:
            return None
        raise
    if answer["ContentLength"] > MAX_BYTES:
        raise Unknown(f"the report has {answer['ContentLength']} bytes, more than {MAX_BYTES}", key=key)
    return answer["Body"].read(), answer["LastModified"]
