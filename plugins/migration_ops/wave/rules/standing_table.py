"""Prints what each step does with a migration, by phase and interruption, as docs/standing.md holds it.

``python -m migration_ops.wave.rules.standing_table`` writes the page again; a test compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from migration_ops.core.markdown import table
from migration_ops.core.states import ENDED, Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.rules.permit import waits_to_be_asked_for
from migration_ops.wave.rules.standing import NOT_REACHED, STEP_TABLE, STOPPED_IN, WAY, Standing, standing_of

_HEAD = """# Where a migration stands, and what each step does with it

Generated from `STEP_TABLE` in `plugins/migration_ops/wave/rules/standing.py`; do not edit.
`python -m migration_ops.wave.rules.standing_table > docs/standing.md` writes it again.

- **begins**: the step begins there. **goes on**: it was begun, the step goes on. **past**: it passes through.
- **–**: it does not stand there; the step says so and fails.
- **asks**: the step goes on only when the application was asked for itself: it is held. A sheet shows it BLOCKED.
- ROLLED_BACK goes to a cutover only when it was ready before and MGN still shows READY_FOR_CUTOVER.
- Any phase with a failure of its own in `errorCode` is treated like a FROZEN one stopped there: `quiesce`, `cutover`
  and `finalize` ask, `cutover_verify` does not. What a gate refused leaves no `errorCode`.
"""


def render() -> str:
    """The whole page as Markdown."""
    head = ("Phase", "Stopped in", *(f"`{step}`" for step in STEP_TABLE))
    return f"{_HEAD}\n{table(head, list(_rows()))}\n"


def _rows() -> Iterable[list[str]]:
    between = [phase for phase in (*WAY, Phase.ROLLING_BACK) if phase not in ENDED]
    for phase in (*WAY, Phase.ROLLING_BACK, Phase.ROLLED_BACK):
        yield _row(phase, None)
    for phase in (Phase.FAILED, Phase.FROZEN):
        for stopped_in in (*between, None):
            yield _row(phase, stopped_in)


def _row(phase: Phase, stopped_in: Phase | None) -> list[str]:
    facts = {"ready": True} | ({STOPPED_IN: stopped_in.value} if stopped_in else {})
    code = NOT_REACHED if phase in (Phase.FAILED, Phase.FROZEN) else None
    standing = standing_of(Record("mig", "wave", "app", "s", phase, facts=facts, error_code=code))
    noted = stopped_in.value if stopped_in else ("nobody noted" if code else "")
    return [phase.value, noted, *(_cell(standing, step) for step in STEP_TABLE)]


def _cell(standing: Standing, step: str) -> str:
    if standing.acts(step):
        if waits_to_be_asked_for(step, standing):
            return "asks"
        return "goes on" if standing.at in STEP_TABLE[step].acting else "begins"
    return "past" if standing.is_past(step) else "–"


if __name__ == "__main__":
    sys.stdout.write(render())
