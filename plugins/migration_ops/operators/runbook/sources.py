"""Where a report takes its findings and tables from. Each source reports a task that left nothing as UNKNOWN."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from migration_ops.core.finding import RED, Finding
from migration_ops.core.finding_kind import FindingKind, KindTable
from migration_ops.operators.runbook.results import FAILED, NOT_STARTED, RunResults
from migration_ops.runbook.checks.check import Chapter, Check

CHECK = "check"
_RAN = frozenset({"success", FAILED})
# Skipped, or done without anything to say.
_LEAVES_NOTHING = frozenset({"success", "skipped"})


class Source(Protocol):
    """Tasks of the run whose findings and tables make the report."""

    def findings(self, results: RunResults) -> list[Finding]:
        """What the tasks left; UNKNOWN for each that left nothing and should have."""

    def answered(self, results: RunResults) -> Collection[str]:
        """Names that left an answer, for sources whose lost tasks are named by the task and not by a check."""

    def partial(self, results: RunResults) -> Collection[str]:
        """Checks for which this run read only some resources: notices of other resources stay open."""

    def tables(self, results: RunResults) -> Sequence[dict[str, Any]]:
        """Further tables of the report."""


class _Plain:
    """Base of sources without tables and without names of their own, which read all resources."""

    def answered(self, results: RunResults) -> Collection[str]:
        return ()

    def partial(self, results: RunResults) -> Collection[str]:
        return ()

    def tables(self, results: RunResults) -> Sequence[dict[str, Any]]:
        return ()


@dataclass(frozen=True)
class ChapterChecks(_Plain):
    """
    The mapped checks of a chapter. A check that left nothing behind is UNKNOWN: its task was lost.

    :param check_ids: in the order in which they are mapped.
    :param task_id: of the mapped task.
    """

    chapter: str
    check_ids: tuple[str, ...]
    task_id: str = CHECK

    @classmethod
    def of(cls, chapter: Chapter, task_id: str = CHECK) -> ChapterChecks:
        """All checks of a chapter."""
        return cls(chapter.name, tuple(chapter.check_ids), task_id)

    def findings(self, results: RunResults) -> list[Finding]:
        found: list[Finding] = []
        for number, check_id in enumerate(self.check_ids):
            left = results.findings(self.task_id, number)
            lost = Check(self.chapter, check_id).missing_result("the check's task left no findings: see its log")
            found += [lost] if left is None else left
        return found


@dataclass(frozen=True)
class TablesOf(_Plain):
    """The tables of one task that judges nothing."""

    task_id: str

    def findings(self, results: RunResults) -> list[Finding]:
        return []

    def tables(self, results: RunResults) -> Sequence[dict[str, Any]]:
        return results.tables(self.task_id)


@dataclass(frozen=True)
class MappedTask:
    """
    A mapped task that leaves findings and tables. An instance that left nothing is UNKNOWN.

    :param task_id: of the mapped task.
    :param kind_of: the kind of a finding about a name that it is mapped over.
    :param whole: the kind of the finding when not even the names are known.
    :param names: what it is mapped over, in order; None when the task ``names_from`` returned them.
    :param names_from: id of the task that returned them.
    :param begun: id of a mapped task before it, which left findings of its own when it failed; None for none.
    """

    task_id: str
    kind_of: Callable[[str], FindingKind]
    whole: FindingKind
    names: tuple[str, ...] | None = None
    names_from: str | None = None
    begun: str | None = None

    def findings(self, results: RunResults) -> list[Finding]:
        names = self._names(results)
        if not names:
            return [self.whole.missing_result(f"the task {self.names_from} left nothing: see its log")]
        found: list[Finding] = []
        for number, name in enumerate(names):
            left = results.findings(self.task_id, number)
            if left is None and self.begun:
                left = results.findings(self.begun, number)
            if left is None:
                left = [self.kind_of(name).missing_result(f"the task {self.task_id} left nothing: see its log")]
            found += left
        return found

    def answered(self, results: RunResults) -> Collection[str]:
        return [self.whole.check_id] if self._names(results) else []

    def partial(self, results: RunResults) -> Collection[str]:
        return ()

    def tables(self, results: RunResults) -> Sequence[dict[str, Any]]:
        names = self._names(results)
        return merged(table for number, _ in enumerate(names) for table in results.tables(self.task_id, number))

    def _names(self, results: RunResults) -> Sequence[str]:
        if self.names is not None:
            return self.names
        return list(results.pull(self.names_from) or ()) if self.names_from else []


@dataclass(frozen=True)
class Tasks(_Plain):
    """
    Unmapped tasks, by id. One that left nothing is UNKNOWN, unless it was skipped or had nothing to say.

    A task that could not start is not named when every failed task before it left red findings: these say why.

    :param kinds: the kind of the finding about a task that left nothing, by task id.
    """

    task_ids: tuple[str, ...]
    kinds: KindTable

    def findings(self, results: RunResults) -> list[Finding]:
        states = results.states(self.task_ids)
        # A cleared task that did not run again may still have its old findings: they say nothing about this time.
        left = {one: results.findings(one) if states.get(one) in _RAN else None for one in self.task_ids}
        explained = {one for one, found in left.items() if found and any(each.verdict in RED for each in found)}
        found: list[Finding] = []
        for task_id, findings in left.items():
            state = states.get(task_id)
            if findings is not None:
                found += findings
            elif state not in _LEAVES_NOTHING and not (
                state == NOT_STARTED and _is_explained(results.causes(task_id), explained)
            ):
                found.append(self.kinds[task_id].missing_result(f"the task {task_id} left no findings: see its log"))
        return found

    def answered(self, results: RunResults) -> Collection[str]:
        return [one for one in self.task_ids if results.findings(one) is not None]


def _is_explained(causes: set[str], explained: set[str]) -> bool:
    return bool(causes) and causes <= explained


def merged(tables: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tables with the same title and head become one, in the order of their first; one with a chart stays alone."""
    found: dict[Any, dict[str, Any]] = {}
    for number, one in enumerate(tables):
        key = number if "chart" in one else (one["title"], tuple(one["head"]))
        kept = found.setdefault(key, {**one, "rows": []})
        kept["rows"] = [*kept["rows"], *one["rows"]]
    return list(found.values())


def all_findings(sources: Iterable[Source], results: RunResults) -> list[Finding]:
    """The findings of all sources, in their order."""
    return [one for source in sources for one in source.findings(results)]
