"""Plain values for the ledger's tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Holder, Record


@dataclass
class Clock:
    """A clock that stands still unless told."""

    moment: datetime = field(default_factory=lambda: datetime(2030, 1, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        self.moment += timedelta(**by)


def a_record(number: int = 1, **changes: Any) -> Record:
    values: dict[str, Any] = {
        "migration_id": f"mig-web{number:03d}",
        "wave": "wave-3",
        "app_name": "billing",
        "source_server_id": f"s-{number:017x}",
        "phase": Phase.PLANNED,
    }
    return Record(**(values | changes))


def a_holder(run_id: str = "run-1") -> Holder:
    return Holder(dag_id="migration_wave", run_id=run_id, wave="wave-3")
