"""A check: its metadata, and its judgement over what was read. Judging calls nothing."""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from migration_ops.core.errors import InvalidInput
from migration_ops.core.facts import NONE_EXPECTED, Facts, NotRead
from migration_ops.core.finding import EVERYTHING, Finding, FindingVerdict, Judgement, Route, ok, unknown
from migration_ops.core.thresholds import Thresholds

log = logging.getLogger(__name__)


Judge = Callable[[Facts, Facts, Thresholds], Judgement | Iterable[Judgement] | None]


@dataclass(frozen=True)
class Metadata:
    """
    What stands beside a check, in ``<check id>.json``.

    :param check_id: ``<service>_<resource>_<what is asked>``.
    :param about: the list in what was read whose entries are judged one by one, for example ``lambda.functions``.
    :param reads: the readers it needs; ``about`` begins with one of them.
    :param route: whether its red findings page somebody.
    :param section: the runbook's section.
    :param unit: of value and limit.
    :param empty: ``unknown`` when there must be something to judge, ``ok`` when none is fine too.
    :param kind: the member of ``resources.yaml`` that names what is judged; where its list is empty, this installation
        has none of it and the check is skipped.
    :param prowler: ids of the Prowler checks that ask the same.
    """

    check_id: str
    title: str
    about: str
    reads: tuple[str, ...]
    route: Route
    section: str
    risk: str
    remedy: str
    unit: str = ""
    empty: str = "unknown"
    kind: str = ""
    severity: str = ""
    prowler: tuple[str, ...] = field(default=())

    @classmethod
    def from_file(cls, path: Path) -> Metadata:
        """:raises InvalidInput: the file has other members than this class, or names another check."""
        document = json.loads(path.read_text(encoding="utf-8"))
        document["check_id"] = document.pop("id", None)
        try:
            made = cls(**document | {name: tuple(document.get(name, ())) for name in ("reads", "prowler")})
        except TypeError as error:
            raise InvalidInput(f"metadata of a check: {error}", path=str(path)) from error
        if made.check_id != path.stem or made.about.split(".")[0] not in made.reads:
            raise InvalidInput("metadata of a check: id is not the file's, or about is not read", path=str(path))
        return Metadata(**{**vars(made), "route": Route(made.route)})


@dataclass(frozen=True)
class Check:
    """One check of a chapter, found by its id: ``migration_ops/runbook/<chapter>/<check id>.py`` and ``.json``."""

    chapter: str
    check_id: str

    @cached_property
    def metadata(self) -> Metadata:
        return Metadata.from_file(Path(__file__).parents[1] / self.chapter / f"{self.check_id}.json")

    @property
    def judge(self) -> Judge:
        judge: Judge = importlib.import_module(f"migration_ops.runbook.{self.chapter}.{self.check_id}").judge
        return judge

    def run(self, estate: Facts, limits: Thresholds) -> list[Finding]:
        """The findings: at least one. What could not be read, or is not as expected, is UNKNOWN, never left out."""
        about = self.metadata.about
        try:
            things = estate.at(about)
        except NotRead as error:
            return [self._finding(EVERYTHING, unknown(error.message))]
        found = [self._finding(_name_of(thing), one) for thing in things for one in self._of(thing, estate, limits)]
        if found:
            return found
        if things:
            return [self._finding(EVERYTHING, ok(f"applies to none of the {len(things)} {about}"))]
        if estate[about.split(".")[0]].maybe(NONE_EXPECTED):
            return [self._finding(EVERYTHING, ok(f"this installation has no {about} (resources.yaml)"))]
        if self.metadata.empty == "ok":
            return [self._finding(EVERYTHING, ok(f"there are no {about}"))]
        return [self._finding(EVERYTHING, unknown(f"there are no {about}: nothing was looked at"))]

    def lost(self, reason: str) -> Finding:
        """UNKNOWN, for a check that left nothing behind."""
        return self._finding(EVERYTHING, unknown(reason))

    def _of(self, thing: Facts, estate: Facts, limits: Thresholds) -> list[Judgement]:
        try:
            judged = self.judge(thing, estate, limits)
            if judged is None:
                return []
            return [judged] if isinstance(judged, Judgement) else list(judged)
        except NotRead as error:
            return [unknown(error.message)]
        except Exception as error:
            # An answer of a shape that nobody expected says nothing about the resource.
            log.exception("%s could not judge %s", self.check_id, _name_of(thing))
            return [unknown(f"the check could not judge what was read: {type(error).__name__}")]

    def _finding(self, resource: str, judged: Judgement) -> Finding:
        meta = self.metadata
        return Finding(
            check_id=self.check_id,
            resource=judged.resource or resource,
            verdict=judged.verdict,
            value=judged.value,
            limit=judged.limit,
            unit=meta.unit,
            reason=judged.reason,
            evidence=judged.evidence,
            remedy="" if judged.verdict is FindingVerdict.OK else meta.remedy,
            section=meta.section,
            route=meta.route,
        )


def _name_of(thing: Any) -> str:
    try:
        return str(thing.maybe("name", EVERYTHING)) if isinstance(thing, Facts) else EVERYTHING
    except NotRead:
        return EVERYTHING


@dataclass(frozen=True)
class Chapter:
    """What one runbook DAG reads and checks, by name; both run side by side as mapped tasks."""

    name: str
    readers: tuple[str, ...]
    check_ids: tuple[str, ...]

    @property
    def checks(self) -> list[Check]:
        return [Check(self.name, one) for one in self.check_ids]


def read_with(name: str, reader: Any) -> dict[str, Any]:
    """What ``migration_ops/runbook/readers/<name>.py`` reads."""
    read: Callable[[Any], dict[str, Any]] = importlib.import_module(f"migration_ops.runbook.readers.{name}").read
    return read(reader)
