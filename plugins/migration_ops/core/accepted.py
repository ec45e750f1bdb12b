"""Findings that somebody accepted until a date (``include/config/accepted.yaml``), and how that changes a finding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase

from pydantic import Field, field_validator

from migration_ops.core.finding import Finding, FindingStatus, Route
from migration_ops.core.thresholds import ConfigPart

FILE = "accepted.yaml"
# UNKNOWN cannot be accepted: nobody knows what would be accepted.
ACCEPTABLE = frozenset({FindingStatus.CRITICAL, FindingStatus.WARNING})
# Beginning of the ids of checks whose verdict decides whether a restore goes on.
GATES = ("restore_",)
REMOVE = f"Remove the entry from include/config/{FILE}, or correct its check or resource."


class Acceptance(ConfigPart):
    """
    One decision to accept a finding.

    :param check: id of the check, exactly.
    :param resource: shell pattern on the finding's resource, case-sensitive.
    :param who: who is responsible for the decision.
    :param until: the last day (UTC) on which it holds.
    """

    check: str = Field(min_length=1)
    resource: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    who: str = Field(min_length=1)
    ticket: str = Field(min_length=1)
    until: date

    @field_validator("check")
    @classmethod
    def _no_gate(cls, check: str) -> str:
        if check.startswith(GATES):
            raise ValueError("it decides whether a restored table is used, and cannot be accepted")
        return check

    @field_validator("reason", "who", "ticket", "resource")
    @classmethod
    def _said(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("must not be blank")
        return text.strip()

    @property
    def name(self) -> str:
        """For messages: which entry of the file it is."""
        return f"{self.check} {self.resource}"

    def holds_on(self, today: date) -> bool:
        return today <= self.until

    def covers(self, finding: Finding) -> bool:
        """Whether this is about that finding, at any date."""
        return (
            finding.check_id == self.check
            and finding.verdict in ACCEPTABLE
            and fnmatchcase(finding.resource, self.resource)
        )


class Accepted(ConfigPart):
    """All decisions; by default there are none."""

    accepted: tuple[Acceptance, ...] = ()

    @field_validator("accepted", mode="before")
    @classmethod
    def _listed(cls, entries: object) -> object:
        # YAML reads "accepted:" with only comments below it as null.
        return () if entries is None else entries


def apply(findings: Iterable[Finding], accepted: Accepted, today: date) -> list[Finding]:
    """
    Applies the acceptances to the findings of one task: an accepted CRITICAL or WARNING becomes a WARNING that says who
    accepted it, why and until when. UNKNOWN stays UNKNOWN.

    A valid acceptance that covers no finding of its check adds a WARNING. It adds none if the check has no finding
    here, or an UNKNOWN one: then nobody knows whether the acceptance is needed.
    """
    found = list(findings)
    holding = [one for one in accepted.accepted if one.holds_on(today)]
    judged = {one.check_id: one for one in found}
    doubtful = {one.check_id for one in found if one.verdict is FindingStatus.UNKNOWN}
    unused = [
        _unused(entry, judged[entry.check])
        for entry in holding
        if entry.check in judged.keys() - doubtful and not any(entry.covers(one) for one in found)
    ]
    return [_accepted(one, holding) for one in found] + unused


def _accepted(finding: Finding, holding: list[Acceptance]) -> Finding:
    entry = next((one for one in holding if one.covers(finding)), None)
    if entry is None:
        return finding
    said = f"accepted until {entry.until.isoformat()} by {entry.who}: {entry.reason}"
    return replace(
        finding,
        verdict=FindingStatus.WARNING,
        reason=f"{said} ({entry.ticket}); {finding.verdict} without that: {finding.reason}",
        route=Route.WARN,
    )


def _unused(entry: Acceptance, beside: Finding) -> Finding:
    return Finding(
        entry.check,
        f"{FILE}: {entry.resource}",
        FindingStatus.WARNING,
        reason=f"the acceptance of {entry.who} ({entry.ticket}) matches no finding",
        remedy=REMOVE,
        section=beside.section,
        title=beside.title,
    )
