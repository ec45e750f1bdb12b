"""The result of many schedules: coverage, ends, and violations with the trails that led to them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from include.simulation.faults import Kind, ReadKind
from include.simulation.invariants import INVARIANTS
from include.simulation.schedule import Report

_COLUMNS = ("none", *(kind.value for kind in Kind), *(kind.value for kind in ReadKind))
# More trails of the same invariant are usually alike.
_SHOWN_TRAILS = 3


@dataclass
class Tally:
    """Sums up reports."""

    schedules: int = 0
    green: int = 0
    late_duplicates: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    coverage: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    violated: Counter[str] = field(default_factory=Counter)
    failures: list[Report] = field(default_factory=list)

    def add(self, report: Report) -> None:
        self.schedules += 1
        self.green += report.is_green
        self.late_duplicates += report.late_duplicates
        self.ends.update(report.ends.values())
        self.coverage.update(report.coverage)
        self.violated.update({one.invariant for one in report.violations})
        if report.violations:
            self.failures.append(report)

    def text(self) -> str:
        """Everything as plain text: coverage, ends, violations with seed and trail."""
        return "\n\n".join([self._coverage(), self._ends(), self._invariants(), *self._trails()])

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
        for report in self.failures:
            first = report.violations[0]
            shown[first.invariant] += 1
            if shown[first.invariant] <= _SHOWN_TRAILS:
                texts.append(f"=== {report.name}: '{first.invariant}'\n{report.text()}")
        return texts
