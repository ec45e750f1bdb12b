"""A check: a function that judges what was read, with its metadata. Judging makes no calls."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.facts import NONE_EXPECTED, OWN_MISSING, WARN_ONLY, NotReadError, Snapshot
from migration_ops.core.finding import EVERYTHING, CheckResult, Finding, FindingStatus, Route, ok, unknown
from migration_ops.core.finding_kind import FindingKind
from migration_ops.core.listing import Listing
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.expectations import none_here, with_expectations
from migration_ops.runbook.reports.quantities import measured

log = logging.getLogger(__name__)


Judge = Callable[[Snapshot, Snapshot, Thresholds], CheckResult | Iterable[CheckResult] | None]
J = TypeVar("J", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Metadata(FindingKind):
    """
    The metadata of a check, see :func:`check`.

    Its ``check_id`` is ``<service>_<resource>_<what is asked>``, the name of its function.
    """

    chapter: str
    listing: Listing
    risk: str
    also: tuple[Listing, ...] = ()
    empty: str = "unknown"
    kind: str = ""
    severity: str = ""
    prowler: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """Where the list that is judged stands in a run's snapshot, for example ``sqs.queues``."""
        return self.listing.path

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the reads that it needs; that of ``about`` comes first."""
        return tuple(dict.fromkeys(one.reader for one in (self.listing, *self.also)))


@dataclass(frozen=True)
class Registered:
    """A check's function and its metadata."""

    metadata: Metadata
    judge: Judge


REGISTRY: dict[str, Registered] = {}
# Rules and functions may name a queue for dead letters: these reads need the same lists.
SHARE_LISTS = ("sqs", "events", "functions")


def check(
    chapter: str,
    *,
    about: Listing,
    title: str,
    section: str,
    risk: str,
    remedy: str,
    also: tuple[Listing, ...] = (),
    route: Route = Route.WARN,
    unit: str = "",
    empty: str = "unknown",
    kind: str = "",
    severity: str = "",
    is_event: bool = False,
    prowler: tuple[str, ...] = (),
) -> Callable[[J], J]:
    """
    Makes a function a check of a chapter; the function's name is the check's id.

    The function gets one entry of the list, the whole snapshot and the limits. It returns a result, several, or None
    where it does not apply. It makes no calls.

    :param chapter: a name in ``chapters``.
    :param about: the list whose entries are judged one by one.
    :param also: further lists that it uses.
    :param route: whether its red findings page somebody.
    :param section: the runbook's section.
    :param unit: of value and limit.
    :param empty: verdict for an empty list: ``unknown`` when there must be an entry, ``ok`` when none is fine.
    :param kind: the member of ``resources.yaml`` that names what is judged; where its list is empty, this installation
        has none of it and the check is skipped.
    :param is_event: it names things that happened (a failed run), which leave the window by themselves.
    :param severity: of the audit's checks, ``low`` to ``critical``.
    :param prowler: ids of the Prowler checks that ask the same.
    :raises InvalidInputError: another check has the same id.
    """

    def register(judge: J) -> J:
        check_id = getattr(judge, "__name__", "")
        if check_id in REGISTRY:
            raise InvalidInputError("two checks have one id", path=check_id)
        metadata = Metadata(
            check_id=check_id,
            chapter=chapter,
            title=title,
            listing=about,
            also=also,
            route=route,
            section=section,
            risk=risk,
            remedy=remedy,
            unit=unit,
            empty=empty,
            kind=kind,
            severity=severity,
            is_event=is_event,
            prowler=prowler,
        )
        REGISTRY[check_id] = Registered(metadata, judge)
        return judge

    return register


@dataclass(frozen=True)
class Check:
    """One check of a chapter, by its id."""

    chapter: str
    check_id: str

    @property
    def metadata(self) -> Metadata:
        return self._registered.metadata

    @property
    def judge(self) -> Judge:
        return self._registered.judge

    @property
    def _registered(self) -> Registered:
        """:raises InvalidInputError: the chapter has no such check."""
        load()
        found = REGISTRY.get(self.check_id)
        if found is None or found.metadata.chapter != self.chapter:
            raise InvalidInputError(f"there is no such check in {self.chapter}", path=self.check_id)
        return found

    def run(self, estate: Snapshot, limits: Thresholds) -> list[Finding]:
        """The findings, at least one. What could not be read is UNKNOWN, never left out."""
        about = self.metadata.about
        try:
            things = estate.path(about)
        except NotReadError as error:
            return [self._finding(EVERYTHING, unknown(error.message))]
        found = [self._finding(_name_of(thing), one) for thing in things for one in self._of(thing, estate, limits)]
        found += self._missing(estate)
        if found:
            return found
        if things:
            return [self._finding(EVERYTHING, ok(f"applies to none of the {len(things)} {about}"))]
        reader, member = about.split(".", 1)
        none_expected = estate[reader].optional(NONE_EXPECTED, ())
        if none_expected is True or member in none_expected:
            verdict, reason = none_here(about)
            return [self._finding(EVERYTHING, CheckResult(verdict, reason, conclusive=False))]
        if self.metadata.empty == "ok":
            return [self._finding(EVERYTHING, ok(f"there are no {about}"))]
        return [self._finding(EVERYTHING, unknown(f"there are no {about}: nothing was checked"))]

    def _missing(self, estate: Snapshot) -> list[Finding]:
        reader, member = self.metadata.about.split(".", 1)
        own = estate[reader].optional(OWN_MISSING, {}).get(member, ())
        return [self._finding(one, unknown("it is this installation's own, and AWS does not list it")) for one in own]

    def missing_result(self, reason: str) -> Finding:
        """UNKNOWN, for a check that left no result."""
        return self.metadata.missing_result(reason)

    def _of(self, thing: Snapshot, estate: Snapshot, limits: Thresholds) -> list[CheckResult]:
        found: list[CheckResult] = []
        try:
            judged = self.judge(thing, estate, limits)
            if judged is None:
                return []
            why = thing.optional(WARN_ONLY) if isinstance(thing, Snapshot) else None
            for one in [judged] if isinstance(judged, CheckResult) else judged:
                found.append(_warned(one, why) if why else one)
        except NotReadError as error:
            return [*_bad(found), unknown(error.message)]
        except Exception as error:
            # An answer of an unexpected form says nothing about the resource.
            log.exception("%s could not judge %s", self.check_id, _name_of(thing))
            return [*_bad(found), unknown(f"the check could not judge what was read: {type(error).__name__}")]
        return found

    def _finding(self, resource: str, judged: CheckResult) -> Finding:
        meta = self.metadata
        return meta.finding(resource, replace(judged, reason=_reason(judged, meta.unit)))


def _reason(judged: CheckResult, unit: str) -> str:
    if not judged.what:
        return judged.reason
    is_beyond = judged.verdict is not FindingStatus.OK
    return measured(judged.what, judged.value, judged.limit, unit, is_beyond=is_beyond)


def _bad(found: list[CheckResult]) -> list[CheckResult]:
    """Of half an answer only what is bad: it is true whatever the rest is."""
    return [one for one in found if one.verdict is not FindingStatus.OK]


def _warned(judged: CheckResult, why: str) -> CheckResult:
    if judged.verdict is not FindingStatus.CRITICAL:
        return judged
    return replace(judged, verdict=FindingStatus.WARNING, reason=f"{judged.reason}; a warning only: {why}")


def _name_of(thing: Any) -> str:
    try:
        return str(thing.optional("name", EVERYTHING)) if isinstance(thing, Snapshot) else EVERYTHING
    except NotReadError:
        return EVERYTHING


@dataclass(frozen=True)
class Chapter:
    """What one runbook DAG reads and checks, by name; both run side by side as mapped tasks."""

    name: str

    @property
    def check_ids(self) -> tuple[str, ...]:
        """Service by service."""
        load()
        return tuple(check_id for check_id, one in REGISTRY.items() if one.metadata.chapter == self.name)

    @property
    def readers(self) -> tuple[str, ...]:
        """Names of the reads that its checks need, in the order of the checks; those that share lists come first."""
        names = dict.fromkeys(name for one in self.checks for name in one.metadata.reads)
        sharing = [name for name in SHARE_LISTS if name in names]
        return (*sharing, *(name for name in names if name not in sharing))

    @property
    def checks(self) -> list[Check]:
        return [Check(self.name, one) for one in self.check_ids]


@cache
def load() -> None:
    """Imports every module of this package once, so that all checks are registered."""
    for one in sorted(pkgutil.iter_modules([str(Path(__file__).parent)]), key=lambda found: found.name):
        importlib.import_module(f"{__package__}.{one.name}")


def read_with(name: str, reader: Any) -> dict[str, Any]:
    """The document of the read with this name, and which of its empty lists are no fault (``expectations``)."""
    load()
    reads = {
        listing.reader: listing.read
        for one in REGISTRY.values()
        for listing in (one.metadata.listing, *one.metadata.also)
    }
    return with_expectations(name, reads[name](reader), reader.config.resources, reader.settings)
