"""The result of many schedules: coverage, ends, and violations with the trails that led to them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from include.simulation.faults import Kind, ReadKind
from include.simulation.invariants import INVARIANTS
from include.simulation.schedule import Report

_COLUMNS = ("none", *(kind.value for kind in Kind), *(kind.value for kind in ReadKind))
# More trails of the same invariant are usually alike.
_SHOWN_TRAILS = 3
_SHOWN_FAILURES = 20


@dataclass(frozen=True)
class Failure:
    """A schedule that broke an invariant; ``name`` is a seed's, or a placement."""

    name: str
    invariant: str
    text: str

    @property
    def replay(self) -> str:
        """The command that runs it again."""
        seed = self.name.removeprefix("seed ")
        how = f"--seed {seed}" if seed != self.name else f'--faults "{self.name}"'
        return f"python -m include.simulation {how}"


@dataclass
class Tally:
    """Sums up reports."""

    schedules: int = 0
    green: int = 0
    late_duplicates: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    coverage: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    violated: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    @classmethod
    def of(cls, reports: Iterable[Report]) -> Tally:
        tally = cls()
        for report in reports:
            tally.add(report)
        return tally

    def add(self, report: Report) -> None:
        self.schedules += 1
        self.green += report.is_green
        self.late_duplicates += report.late_duplicates
        self.ends.update(report.ends.values())
        self.coverage.update(report.coverage)
        self.violated.update({one.invariant for one in report.violations})
        if report.violations:
            self.failures.append(Failure(report.name, report.violations[0].invariant, report.text()))

    def merge(self, other: Tally) -> None:
        """Adds what another tally counted."""
        self.schedules += other.schedules
        self.green += other.green
        self.late_duplicates += other.late_duplicates
        self.ends.update(other.ends)
        self.coverage.update(other.coverage)
        self.violated.update(other.violated)
        self.failures += other.failures

    def as_document(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "schedules": self.schedules,
            "green": self.green,
            "lateDuplicates": self.late_duplicates,
            "ends": dict(self.ends),
            "coverage": [[*key, count] for key, count in self.coverage.items()],
            "violated": dict(self.violated),
            "failures": [asdict(one) for one in self.failures],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Tally:
        return cls(
            document["schedules"],
            document["green"],
            document["lateDuplicates"],
            Counter(document["ends"]),
            Counter({(place, call, kind): count for place, call, kind, count in document["coverage"]}),
            Counter(document["violated"]),
            [Failure(**one) for one in document["failures"]],
        )

    def text(self) -> str:
        """Everything as plain text: coverage, ends, violations with seed and trail."""
        return "\n\n".join([self._coverage(), self._ends(), self._invariants(), *self._trails()])

    def verdict(self) -> str:
        """How many there were and how many failed, with the command that replays each of the first ones."""
        said = f"{self.schedules} schedules, {len(self.failures)} broke an invariant"
        return "\n".join([said, *(f"{one.replay}    # {one.invariant}" for one in self.failures[:_SHOWN_FAILURES])])

    def _coverage(self) -> str:
        rows = sorted({(place, operation) for place, operation, _ in self.coverage})
        head = f"{'phase':18}{'call':28}" + "".join(f"{column:>15}" for column in _COLUMNS)
        lines = [head]
        for place, operation in rows:
            counts = [self.coverage[(place, operation, column)] for column in _COLUMNS]
            lines.append(f"{place:18}{operation:28}" + "".join(f"{count or '.':>15}" for count in counts))
        return "\n".join(lines)

    def _ends(self) -> str:
        counts = Counter[str]()
        for end, count in self.ends.items():
            counts[re.sub(r"\s+", " ", end)] += count
        lines = [f"{count:8} {end}" for end, count in counts.most_common()]
        return f"{self.schedules} schedules, {self.green} green. Applications ended:\n" + "\n".join(lines)

    def _invariants(self) -> str:
        lines = [f"{self.violated[name]:8} {name}: {meaning}" for name, meaning in INVARIANTS.items()]
        lines.append(f"{self.late_duplicates:8} launches by calls that took effect after the settle time, excused")
        return "Violated:\n" + "\n".join(lines)

    def _trails(self) -> list[str]:
        shown: Counter[str] = Counter()
        texts = []
        for one in self.failures:
            shown[one.invariant] += 1
            if shown[one.invariant] <= _SHOWN_TRAILS:
                texts.append(f"=== {one.name}: '{one.invariant}'\n{one.text}")
        return texts
