"""Invariants that are checked when a launch or a finalize is sent: approval, hold, quiesce, window, known state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.simulation.runs import Run
from include.simulation.world import Actor, Call
from migration_ops.aws.mgn.jobs import INTENT_TAG
from migration_ops.core.states import CUT_OVER, STOPPED
from migration_ops.wave.plan.plan import PlannedApplication
from migration_ops.wave.rules.standing import STOPPED_IN

if TYPE_CHECKING:
    from include.simulation.invariants import Invariants

# Clocks of workers differ by up to this much in a schedule, so a window is checked with this tolerance.
SKEW_SECONDS = 300.0
_APPROVAL = {"StartCutover": "cutover", "FinalizeCutover": "finalize"}


@dataclass(frozen=True)
class Launch:
    """A launch: its action and attempt.

    :param attempt: from the intent's tag; 0 without a tag.
    """

    action: str
    attempt: int


def attempt_of(tags: dict[str, str]) -> int:
    """``START_TEST-2-<digest>`` is attempt 2."""
    parts = tags.get(INTENT_TAG, "").rsplit("-", 2)
    return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else 0


@dataclass(frozen=True)
class _Sheet:
    """An evidence sheet: its applications, when it was made, and how far the clock of its worker was ahead."""

    digest: str
    ready: frozenset[str]
    made_at_event: int
    skew_seconds: float


class Gates:
    """Records what people approved, and checks StartTest and each call of :data:`_APPROVAL` when it is sent."""

    def __init__(self, invariants: Invariants) -> None:
        self._invariants = invariants
        self.runs: dict[str, Run] = {}
        self._sheets: dict[tuple[str, str], _Sheet] = {}
        self._approved: dict[tuple[str, str], str] = {}
        self._rolled_back: dict[str, tuple[int, float]] = {}

    # What people do

    def sheet_made(self, actor: Actor, which: str, sheet: dict[str, Any]) -> None:
        events = self._invariants.world.events
        made = _Sheet(sheet["digest"], frozenset(sheet["ready"]), events, actor.skew_seconds)
        self._sheets[actor.run_id, which] = made

    def approved(self, run: Run, which: str, sheet: dict[str, Any]) -> None:
        self._approved[run.run_id, which] = sheet["digest"]

    def withdrawn(self, run: Run, keys: Iterable[str]) -> None:
        """Tasks were cleared: an approval among them is no longer valid."""
        for which in _APPROVAL.values():
            if f"approve_{which}" in keys:
                self._approved.pop((run.run_id, which), None)

    def rolled_back(self, app: str, actor: Actor | None) -> None:
        self._rolled_back[app] = (self._invariants.world.events, actor.skew_seconds if actor else 0.0)

    # What the package does

    def sent(self, call: Call) -> None:
        if call.operation not in {*_APPROVAL, "StartTest"}:
            return
        actor = call.actor
        run = self.runs.get(actor.run_id) if actor else None
        for server in call.subjects:
            app_name = self._invariants.servers[server][0]
            self._require_not_held(call, server, app_name)
            if run is None or actor is None or call.operation == "StartTest":
                continue
            if server in actor.unknown:
                self._broken("known", call, server, "the last answer about it says nothing")
            self._require_approved(call, run, server, app_name)
            if call.operation == "StartCutover":
                app = run.plan.application(app_name)
                self._require_quiet(call, run, server)
                self._require_window(call, run, server)
                self._require_dependencies(call, run, server, app)
                self._require_replicated(call, run, server)

    def _broken(self, invariant: str, call: Call, server: str, text: str) -> None:
        self._invariants.broken(invariant, f"{call.operation} of {server} by {call.actor}: {text}")

    def _require_not_held(self, call: Call, server: str, app: str) -> None:
        how = self._invariants.held(app)
        if how is not None:
            self._broken("not held", call, server, f"{app} is {how}")

    def _require_approved(self, call: Call, run: Run, server: str, app: str) -> None:
        which = _APPROVAL[call.operation]
        sheet, approved = self._sheets.get((run.run_id, which)), self._approved.get((run.run_id, which))
        if sheet is None or approved is None:
            self._broken("approved", call, server, f"the {which} is not approved")
        elif sheet.digest != approved:
            self._broken("approved", call, server, "the evidence is another than what was approved")
        elif app not in sheet.ready:
            self._broken("approved", call, server, f"{app} is not on the sheet that was approved")
        else:
            at_event, skew = self._rolled_back.get(app, (-1, 0.0))
            if at_event > sheet.made_at_event:
                ahead = sheet.skew_seconds - skew
                clocks = f", by a clock that is {ahead:.0f} s behind the sheet's" if ahead > 0 else ""
                self._broken("approved", call, server, f"{app} was rolled back after the sheet was made{clocks}")

    def _require_quiet(self, call: Call, run: Run, server: str) -> None:
        if run.plan.conf.quiesce and self._invariants.account.source(server).is_running:
            late = ", by a command that took effect late" if server in self._invariants.late_commands else ""
            self._broken("quiesced", call, server, f"its source runs{late}")

    def _require_window(self, call: Call, run: Run, server: str) -> None:
        window, now = run.plan.conf.cutover_window, self._invariants.world.clock.now()
        opens, closes = (one.timestamp() if one else None for one in (window.opens, window.closes))
        if (opens is not None and now < opens - SKEW_SECONDS) or (closes is not None and now > closes + SKEW_SECONDS):
            self._broken("in the window", call, server, f"opens {opens}, closes {closes}, it is {now}")

    def _require_dependencies(self, call: Call, run: Run, server: str, app: PlannedApplication) -> None:
        items = self._invariants.account.table.items
        for name in app.depends_on:
            for migration in run.plan.application(name).migration_ids:
                if (phase := _phase_of(items.get(migration, {}))) not in CUT_OVER:
                    self._broken("dependencies", call, server, f"{name} is at {phase}")

    def _require_replicated(self, call: Call, run: Run, server: str) -> None:
        """Checks the account's state at the time of the call; a change after the actor's last read is excused."""
        if self._invariants.is_excused(server, call.actor):
            return
        now = self._invariants.world.clock.now()
        replication = self._invariants.account.mgn.own.account.servers[server].replication
        lag, limit = replication.lag_seconds(now), run.plan.conf.final_sync.max_lag_seconds
        # The calls between the read and this one take seconds.
        if replication.state(now) != "CONTINUOUS" or lag is None or lag > limit + 10:
            self._broken("known", call, server, f"{replication.state(now)}, lag {lag}, limit {limit}")


def _phase_of(item: dict[str, Any]) -> str:
    """The migration's phase; for a stopped one the phase before, because a verified server stays cut over."""
    phase = str(item.get("phase", {}).get("S"))
    stopped_in = item.get("facts", {}).get("M", {}).get(STOPPED_IN, {}).get("S")
    return str(stopped_in or phase) if phase in STOPPED else phase
