"""Findings of other scanners: what is bad stays bad, what is malformed is UNKNOWN, what passed is counted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migration_ops.core.finding import Finding, FindingVerdict, worst
from migration_ops.runbook.scanners import findings
from migration_ops.runbook.scanners.findings import from_prowler, from_security_hub

CRITICAL, UNKNOWN, WARNING, OK = FindingVerdict
ARN = "arn:aws:sqs:us-east-1:111122223333:q"


def ocsf(code: str = "FAIL", severity: str = "High", uid: str = ARN, **more: Any) -> dict[str, Any]:
    return {
        "class_uid": 2004,
        "metadata": {"event_code": "sqs_queues_not_publicly_accessible", "product": {"name": "Prowler"}},
        "severity": severity,
        "status": "New",
        "status_code": code,
        "status_detail": "Queue is public",
        "finding_info": {"title": "Queues are not public", "uid": "prowler-aws-1"},
        "resources": [{"uid": uid, "name": "q", "region": "us-east-1"}],
        "remediation": {"desc": "Narrow the policy.", "references": []},
        **more,
    }


def asff(status: str | None = "FAILED", severity: str = "HIGH", resource: str = ARN, **more: Any) -> dict[str, Any]:
    compliance = {"Compliance": {"Status": status, "SecurityControlId": "SQS.3"}} if status else {}
    return {
        "Id": "arn:aws:securityhub:us-east-1:111122223333:finding/1",
        "GeneratorId": "security-control/SQS.3",
        "Title": "Queues should not be public",
        "Severity": {"Label": severity},
        "Workflow": {"Status": "NEW"},
        "RecordState": "ACTIVE",
        "Resources": [{"Type": "AwsSqsQueue", "Id": resource}],
        "Remediation": {"Recommendation": {"Text": "Narrow the policy.", "Url": "https://docs.aws.amazon.com"}},
        **compliance,
        **more,
    }


def prowler(*documents: Any) -> list[Finding]:
    return from_prowler(json.dumps(list(documents)), "scan.json")


@pytest.mark.parametrize(
    ("code", "severity", "verdict"),
    [
        ("FAIL", "Critical", CRITICAL),
        ("FAIL", "High", CRITICAL),
        ("FAIL", "Medium", WARNING),
        ("FAIL", "Low", WARNING),
        ("FAIL", "Informational", WARNING),
        ("FAIL", "Fatal", UNKNOWN),
        ("MANUAL", "High", UNKNOWN),
        ("", "High", UNKNOWN),
        ("PASS", "High", OK),
    ],
)
def test_prowlers_status_and_severity(code: str, severity: str, verdict: FindingVerdict) -> None:
    [found] = prowler(ocsf(code, severity))
    assert found.verdict is verdict
    assert found.check_id == "prowler:sqs_queues_not_publicly_accessible"
    if verdict is not OK:
        assert (found.resource, found.reason, found.remedy) == (ARN, "Queue is public", "Narrow the policy.")


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        (asff("FAILED", "CRITICAL"), CRITICAL),
        (asff("FAILED", "MEDIUM"), WARNING),
        (asff("WARNING", "HIGH"), CRITICAL),
        (asff("NOT_AVAILABLE"), UNKNOWN),
        (asff("FAILED", "ODD"), UNKNOWN),
        (asff("PASSED"), OK),
        (asff(None, "HIGH"), CRITICAL),
        (asff(None, Workflow={"Status": "RESOLVED"}), OK),
        (asff("FAILED", Workflow={"Status": "RESOLVED"}), CRITICAL),
        (asff("FAILED", Workflow={"Status": "SUPPRESSED"}), OK),
    ],
)
def test_security_hubs_status_and_severity(document: dict[str, Any], verdict: FindingVerdict) -> None:
    [found] = from_security_hub([document])
    assert found.verdict is verdict
    assert found.check_id == "security_hub:SQS.3"


def test_what_people_muted_in_prowler_is_ok() -> None:
    assert prowler(ocsf(status="Suppressed"))[0].verdict is OK


@pytest.mark.parametrize("text", ["", "no json", "{}", "[]", '"text"', "null"])
def test_a_file_that_is_no_report_is_unknown(text: str) -> None:
    [found] = from_prowler(text, "scan.json")
    assert (found.verdict, found.resource) == (UNKNOWN, "scan.json")


@pytest.mark.parametrize("missing", ["status_code", "severity", "metadata", "resources"])
def test_a_finding_that_lacks_something_is_unknown_and_the_others_are_taken(missing: str) -> None:
    broken = {name: value for name, value in ocsf().items() if name != missing}
    found = prowler(broken, ocsf(uid="other"), "no document", None)
    assert {one.resource: one.verdict for one in found} == {
        "scan.json#0": UNKNOWN,
        "other": CRITICAL,
        "scan.json#2": UNKNOWN,
        "scan.json#3": UNKNOWN,
    }


@pytest.mark.parametrize("broken", [{}, None, asff() | {"Resources": []}, asff() | {"Severity": {}}])
def test_a_malformed_finding_of_security_hub_is_unknown(broken: Any) -> None:
    assert from_security_hub([broken])[0].verdict is UNKNOWN


def test_no_finding_at_all_is_unknown() -> None:
    assert worst(from_security_hub([])) is UNKNOWN


def test_passed_ones_are_counted_by_check() -> None:
    found = prowler(*(ocsf("PASS", uid=f"queue-{number}") for number in range(40)), ocsf(uid="bad"))
    assert [(one.resource, one.value, one.verdict) for one in found] == [("bad", None, CRITICAL), ("*", 40, OK)]


def test_of_the_same_twice_the_worse_stays() -> None:
    found = prowler(ocsf(severity="Low"), ocsf(severity="High"), ocsf(severity="Medium"))
    assert [one.verdict for one in found] == [CRITICAL]


def test_of_very_many_the_worst_are_taken_and_the_rest_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "MOST", 2)
    found = prowler(*(ocsf(severity=one, uid=one) for one in ("Low", "High", "Medium", "Critical")))
    assert [one.resource for one in found] == ["Critical", "High", "*"]
    assert (found[2].verdict, found[2].reason[:6]) == (WARNING, "2 more")


def test_text_from_outside_is_short() -> None:
    [found] = prowler(ocsf(status_detail="x" * 5_000))
    assert len(found.reason) == 300
