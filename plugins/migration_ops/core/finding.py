"""Findings, the result of every runbook check, and how they differ from those of the previous run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FindingStatus(StrEnum):
    """Worst first. UNKNOWN never counts as OK: what could not be read makes a run red, as CRITICAL does."""

    CRITICAL = "CRITICAL"
    UNKNOWN = "UNKNOWN"
    WARNING = "WARNING"
    OK = "OK"


WORST_FIRST = tuple(FindingStatus)
RED = frozenset({FindingStatus.CRITICAL, FindingStatus.UNKNOWN})


class Route(StrEnum):
    """Who is notified of a finding: ``page`` pages on-call at once, ``warn`` can wait until the next working day."""

    PAGE = "page"
    WARN = "warn"


@dataclass(frozen=True)
class Finding:
    """
    One judged fact of one resource.

    :param check_id: the check that judged.
    :param resource: name, id or ARN of what was judged; ``*`` when not even the list of resources could be read.
    :param value: what was seen, a plain JSON value in ``unit``; None when there is none.
    :param limit: the limit that ``value`` was compared with.
    :param reason: one sentence: why this verdict.
    :param evidence: plain JSON values that show it: log lines, ids, times. Never a secret.
    :param remedy: what a person does now; empty for OK.
    :param section: the runbook's section.
    :param title: what was checked, in a few words; empty when only the id says it.
    :param is_event: it is about something that happened: it leaves the window with time, fixed or not.
    :param conclusive: False for an OK that proves nothing: nothing was checked, or there was nothing to judge by. Such
        an OK ends no alarm.
    """

    check_id: str
    resource: str
    verdict: FindingStatus
    value: Any = None
    limit: Any = None
    unit: str = ""
    reason: str = ""
    evidence: tuple[Any, ...] = ()
    remedy: str = ""
    section: str = ""
    route: Route = Route.WARN
    title: str = ""
    is_event: bool = False
    conclusive: bool = True

    @property
    def key(self) -> str:
        """Identifies the finding over runs."""
        return f"{self.check_id}|{self.resource}"

    def as_document(self) -> dict[str, Any]:
        """camelCase, for reports and XCom."""
        return {
            "checkId": self.check_id,
            "resource": self.resource,
            "verdict": self.verdict.value,
            "value": self.value,
            "limit": self.limit,
            "unit": self.unit,
            "reason": self.reason,
            "evidence": list(self.evidence),
            "remedy": self.remedy,
            "section": self.section,
            "route": self.route.value,
            "title": self.title,
            "isEvent": self.is_event,
            "conclusive": self.conclusive,
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Finding:
        """The finding; also from documents of earlier versions, which lack ``title``, ``isEvent``, ``conclusive``."""
        return cls(
            check_id=document["checkId"],
            resource=document["resource"],
            verdict=FindingStatus(document["verdict"]),
            value=document["value"],
            limit=document["limit"],
            unit=document["unit"],
            reason=document["reason"],
            evidence=tuple(document["evidence"]),
            remedy=document["remedy"],
            section=document["section"],
            route=Route(document["route"]),
            title=document.get("title", ""),
            is_event=document.get("isEvent", False),
            conclusive=document.get("conclusive", True),
        )


def worst(findings: Iterable[Finding]) -> FindingStatus:
    """The worst verdict; UNKNOWN when there are no findings, because nothing was checked."""
    verdicts = {finding.verdict for finding in findings}
    return next((one for one in WORST_FIRST if one in verdicts), FindingStatus.UNKNOWN)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """By verdict, then by check and resource."""
    return sorted(findings, key=lambda one: (WORST_FIRST.index(one.verdict), one.check_id, one.resource))


EVERYTHING = "*"


def listed_checks(
    findings: Collection[Finding], answered: Collection[str] = (), partial: Collection[str] = ()
) -> frozenset[str]:
    """
    Ids of the checks that listed all that there is: what is absent among their findings is not there any more.

    :param answered: names of checks and tasks that left an answer, beside those that ``findings`` name.
    :param partial: checks of which the run read some resources only.
    """
    # An unreadable list, an entry without a name, a resource whose parts are findings too: what is absent may be
    # behind any of them.
    in_doubt = {
        one.check_id
        for one in findings
        if one.verdict is FindingStatus.UNKNOWN or (one.resource == EVERYTHING and not one.conclusive)
    }
    return frozenset({one.check_id for one in findings} | set(answered)) - in_doubt - frozenset(partial)


@dataclass(frozen=True)
class Change:
    """
    How one finding changed since the previous run.

    :param kind: ``new``, ``worse``, ``better`` or ``gone``; ``unknown``: this run cannot say whether it still is so;
        ``readable``: it could not be judged before; ``unseen``: no finding of this run, which did not list everything.
    :param finding: of this run; of the previous one when the kind is ``gone`` or ``unseen``.
    :param before: the verdict of the previous run; None when it had none.
    """

    kind: str
    finding: Finding
    before: FindingStatus | None = None

    def as_document(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "before": self.before.value if self.before else None,
            "finding": self.finding.as_document(),
        }


def changes(
    before: Iterable[Finding],
    now: Iterable[Finding],
    *,
    answered: Collection[str] = (),
    partial: Collection[str] = (),
) -> list[Change]:
    """
    What differs between two runs, worst first. A new OK is left out, and so is an OK that is not there any more.

    :param answered: names of checks and tasks that left an answer in this run, beside those that ``now`` names.
    :param partial: checks of which this run read some resources only.
    """
    old, new = ({one.key: one for one in some} for some in (before, now))
    listed = listed_checks(new.values(), answered, partial)
    found = [_change(old.get(key), finding) for key, finding in new.items()]
    absent = [
        Change("gone" if finding.check_id in listed else "unseen", finding, finding.verdict)
        for key, finding in old.items()
        if key not in new and finding.verdict is not FindingStatus.OK
    ]
    order = {change.finding.key: change for change in [*filter(None, found), *absent]}
    return [order[one.key] for one in worst_first(change.finding for change in order.values())]


def _change(old: Finding | None, new: Finding) -> Change | None:
    if old is None:
        return None if new.verdict is FindingStatus.OK else Change("new", new)
    if old.verdict is new.verdict:
        return None
    if old.verdict is FindingStatus.OK:
        return Change("new", new, old.verdict)
    return Change(_kind(old.verdict, new), new, old.verdict)


def _kind(before: FindingStatus, new: Finding) -> str:
    """Only what was judged in both runs can be better."""
    if WORST_FIRST.index(new.verdict) < WORST_FIRST.index(before):
        return "worse"
    if new.verdict is FindingStatus.UNKNOWN or not new.conclusive:
        return "unknown"
    return "readable" if before is FindingStatus.UNKNOWN else "better"


@dataclass(frozen=True)
class CheckResult:
    """What a check says about one resource. ``resource`` None = the one it was given."""

    verdict: FindingStatus
    reason: str
    value: Any = None
    limit: Any = None
    evidence: tuple[Any, ...] = ()
    resource: str | None = None
    # What was measured, when a value is compared with a limit; then the reason is written with the check's unit.
    what: str = ""
    # The route, when it differs from the check's.
    route: Route | None = None
    # False for an OK that proves nothing, see Finding.
    conclusive: bool = True


def ok(reason: str = "", **more: Any) -> CheckResult:
    return CheckResult(FindingStatus.OK, reason, **more)


def warning(reason: str, **more: Any) -> CheckResult:
    return CheckResult(FindingStatus.WARNING, reason, **more)


def critical(reason: str, **more: Any) -> CheckResult:
    return CheckResult(FindingStatus.CRITICAL, reason, **more)


def unknown(reason: str, **more: Any) -> CheckResult:
    return CheckResult(FindingStatus.UNKNOWN, reason, **more)


def above(value: float, limit: float, what: str, verdict: FindingStatus, **more: Any) -> CheckResult:
    """OK up to and including the limit, ``verdict`` above it."""
    found = verdict if value > limit else FindingStatus.OK
    return CheckResult(found, what, value, limit, what=what, **more)
