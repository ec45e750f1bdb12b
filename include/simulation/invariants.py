"""The invariants, checked at every event against the real state of the account, not against what calls answered.

A call that took effect after the settle time is excused if nobody could have known of it. The settle time says how long
a call without an answer may still take effect; after that the package can only notice the effect, not prevent it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from include.simulation.account import Account
from include.simulation.gates import Gates, Launch, attempt_of
from include.simulation.runs import Instance, Run
from include.simulation.table import Change
from include.simulation.world import Actor, Call
from migration_ops.core.errors import MigrationError
from migration_ops.core.states import ENDED, Phase
from migration_ops.ledger.chain import ArchivedUntil, digest_of, entry_of, verify
from migration_ops.ledger.items import history_key, record_of
from migration_ops.ledger.record_digest import record_digest
from migration_ops.wave.rules.standing import INSTANCE_BROKEN, INSTANCE_UNKNOWN
from migration_ops.wave.waits.outcome import Wait

LONGEST_WAIT_SECONDS = 31 * 86_400
# Waits of 15 seconds until the longest deadline of the settings (4 hours), and some reserve.
MOST_WAITS = 1_500
_ACTION = {"StartTest": "START_TEST", "StartCutover": "START_CUTOVER"}
# A run may also end in CUTOVER_VERIFIED: finalize was not asked for, or was refused.
_MAY_END_IN = ENDED | {Phase.CUTOVER_VERIFIED}


@dataclass(frozen=True)
class Violation:
    """One invariant that did not hold; ``invariant`` is one of ``INVARIANTS``."""

    invariant: str
    text: str
    at_seconds: float


INVARIANTS = {
    "launched once": "at most one launch per server and attempt, and a new one only when a person asked for it",
    "approved": "no launch and no finalize without an approval that is still valid",
    "not held": "nothing is launched or finalized that is held",
    "quiesced": "no StartCutover while the source runs, where the conf asks to stop it",
    "in the window": "no StartCutover outside of the cutover window",
    "dependencies": "no StartCutover before what it depends on is cut over",
    "known": "what is not known opens no gate",
    "one instance": "a verified server has exactly one instance, and it is well",
    "finalized": "what the ledger calls FINALIZED is CUTOVER in MGN",
    "rolled back": "a rollback leaves nothing running, and the source as it was",
    "history": "the ledger's history only grows, and its chain holds",
    "lock": "a server's record is written by the run that holds it, and nobody takes it from a run that goes on",
    "deadline": "every wait ends",
    "explained": "every end is green, or an error with code and hint, and the ledger says where it stands",
}


class Invariants:
    """Watches one schedule. Violations are collected, not raised, because the package might catch them."""

    def __init__(self, account: Account) -> None:
        self.account, self.world = account, account.world
        self.violations: list[Violation] = []
        self.gates = Gates(self)
        self.servers: dict[str, tuple[str, str]] = {}
        self.asked: Counter[str] = Counter()
        self.rolled_back: Counter[str] = Counter()
        self.frozen: set[str] = set()
        # Server -> the task that continued with it while it was held.
        self.went_on: dict[str, str] = {}
        self.disturbed_at: dict[str, int] = {}
        # Source servers whose last command took effect late.
        self.late_commands: set[str] = set()
        self._attempts: dict[tuple[str, str, int], str] = {}
        self._launches: Counter[tuple[str, str]] = Counter()
        self._ends: dict[str, tuple[int, str]] = {}
        self._before_ends: dict[str, tuple[int, str]] = {}
        self.late_duplicates = 0

    def knows(self, run: Run) -> None:
        """Registers a run, which may act from now on."""
        self.gates.runs[run.run_id] = run
        for app in run.plan.applications:
            for server in app.servers:
                self.servers[server.source_server_id] = (app.app_name, server.migration_id)

    def place_of(self, subjects: tuple[str, ...]) -> str:
        """In which phase a call was made: that of its server, or of its application's first server, in the ledger."""
        for server, (app, migration) in self.servers.items():
            if subjects and subjects[0] in (server, app):
                return _text(self.account.table.items.get(migration), "phase") or "new"
        return "-"

    def broken(self, invariant: str, text: str) -> None:
        assert invariant in INVARIANTS, invariant
        self.world.note(f"VIOLATION of '{invariant}': {text}")
        self.violations.append(Violation(invariant, text, self.world.clock.now() - self.world.started_at))

    # What people do

    def person_asked(self, apps: Iterable[str]) -> None:
        """A person cleared a task of the application itself, or started a run for it."""
        for app in apps:
            self.asked[app] += 1
            for server in [one for one, (name, _) in self.servers.items() if name == app]:
                self._freed(server)

    def held(self, app: str) -> str | None:
        """Why the application is held, None when it is not. It is held if one of its servers was frozen, and since then
        nobody asked for it and it was not rolled back; not if it was frozen for an instance that is well again."""
        mine = [server for server in sorted(self.frozen) if self.servers[server][0] == app]
        if not mine:
            return None
        by = sorted({self.went_on[server] for server in mine if server in self.went_on})
        return f"held, and nobody asked for it since; taken up by {', '.join(by) or 'nobody'}"

    def _freed(self, server: str) -> None:
        self.frozen.discard(server)
        self.went_on.pop(server, None)

    def disturbed(self, server: str) -> None:
        """A person or a late call changed the server, so that earlier reads of it are out of date."""
        self.disturbed_at[server] = self.world.events

    def is_excused(self, server: str, actor: Actor | None) -> bool:
        """Whether the server was changed after the actor's last read of it."""
        disturbed = self.disturbed_at.get(server)
        seen = actor.seen_at.get(server, -1) if actor else -1
        return disturbed is not None and disturbed >= seen

    # What the account and the ledger say (world.Watcher)

    def sent(self, call: Call) -> None:
        self.gates.sent(call)

    def executed(self, call: Call, answer: Any) -> None:
        if call.is_late:
            for server in call.subjects:
                self.disturbed(server)
        if call.operation == "SendCommand":
            (self.late_commands.update if call.is_late else self.late_commands.difference_update)(call.subjects)
        action = _ACTION.get(call.operation)
        if action is None:
            return
        launch = Launch(action, attempt_of(call.tags))
        for server in call.subjects:
            self._launched(server, launch, is_late=call.is_late)

    def _launched(self, server: str, launch: Launch, *, is_late: bool) -> None:
        app = self.servers[server][0]
        attempt = (server, launch.action, launch.attempt)
        before = self._attempts.get(attempt)
        if is_late and before is not None:
            self.late_duplicates += 1
            return
        self._attempts[attempt] = "late" if is_late else "in time"
        self._launches[server, launch.action] += 1
        if before is not None:
            text = f"{launch.action} of {server}: attempt {launch.attempt} started twice, the first time {before}"
            self.broken("launched once", text)
        allowed = max(1, self.asked[app]) + self.rolled_back[app]
        if self._launches[server, launch.action] > allowed:
            self.broken("launched once", f"{launch.action} of {server} again, although nobody asked for it")

    def recorded(self, actor: Actor | None, changes: list[Change]) -> None:
        for key, old, new in changes:
            if key.startswith("server#"):
                self._lock_changed(actor, _text(old, "runId"), _text(new, "runId"))
                continue
            if new is None:
                self.broken("history", f"{key} was deleted")
            elif "historyOf" in new:
                self._line_added(key, old, new)
            else:
                self._record_changed(actor, old or {}, new)

    def _lock_changed(self, actor: Actor | None, before: str, after: str) -> None:
        run = self.gates.runs.get(before)
        if run is not None and after != before and not run.is_over and (after or str(actor).split("/")[0] != before):
            self.broken("lock", f"{actor} took from {before} what that run holds")

    def _line_added(self, key: str, old: Any, new: dict[str, Any]) -> None:
        entry = entry_of(new)
        sequence, digest = self._ends.get(entry.migration_id, (0, ""))
        if old is not None:
            self.broken("history", f"{key} was overwritten")
        elif (entry.sequence, entry.previous_digest) != (sequence + 1, digest) or digest_of(entry) != entry.digest:
            self.broken("history", f"{key} does not follow line {sequence}")
        self._before_ends[entry.migration_id] = (sequence, digest)
        self._ends[entry.migration_id] = (entry.sequence, entry.digest)

    def _record_changed(self, actor: Actor | None, old: dict[str, Any], new: dict[str, Any]) -> None:
        migration, server, app = _text(new, "migrationId"), _text(new, "sourceServerId"), _text(new, "appName")
        if (int(new["historySequence"]["N"]), _text(new, "historyDigest")) != self._end_with(migration, new):
            self.broken("history", f"the record of {migration} does not name its last line")
        lock = self.account.table.items.get(f"server#{server}")
        if actor is not None and lock is not None and _text(lock, "runId") != actor.run_id:
            self.broken("lock", f"{actor} wrote {migration}, which {_text(lock, 'runId')} holds")
        before, after = _text(old, "phase"), _text(new, "phase")
        if before == after:
            return
        self.world.note(f"{migration}: {before or 'new'} -> {after}")
        if before == Phase.FROZEN:
            self._went_on(actor, server, _text(old, "errorCode"))
        if after == Phase.FROZEN:
            self.frozen.add(server)
        elif after == Phase.ROLLED_BACK:
            self.rolled_back[app] += 1
            self._freed(server)
            self.gates.rolled_back(app, actor)
            self._require_rolled_back(actor, server)
        elif after in (Phase.CUTOVER_VERIFIED, Phase.TESTED):
            self._require_one_instance(actor, server, _text(new, "instanceId"), before)
        elif after == Phase.FINALIZED and self._truth(server).lifecycle_state != "CUTOVER":
            self.broken("finalized", f"{server} is {self._truth(server).lifecycle_state} in MGN")

    def _went_on(self, actor: Actor | None, server: str, code: str) -> None:
        if code in (INSTANCE_BROKEN, INSTANCE_UNKNOWN):
            # It was only frozen because of its instance, which is well again.
            self._freed(server)
        else:
            self.went_on[server] = actor.task.split(":")[0] if actor else "?"

    def _end_with(self, migration: str, new: dict[str, Any]) -> tuple[int, str]:
        """The last line of a migration. In a transaction the record comes first; its line may be there already."""
        sequence, digest = self._ends.get(migration, (0, ""))
        line = self.account.table.items.get(f"{migration}#{sequence + 1:06d}")
        return (sequence + 1, _text(line, "digest")) if line is not None else (sequence, digest)

    def _truth(self, server: str) -> Any:
        return self.account.mgn.own.account.servers[server]

    def _require_one_instance(self, actor: Actor | None, server: str, instance_id: str, before: str) -> None:
        if before in (Phase.FAILED, Phase.FROZEN):
            # It continues where it was stopped: this write is no verification.
            return
        if actor is not None and {server, instance_id} & actor.unknown:
            self.broken("known", f"{server} was verified on an answer that says nothing")
        if self.is_excused(server, actor):
            return
        now = self.world.clock.now()
        alive = self.account.ec2.staying_of(server)
        found = {one.instance_id: f"{one.state(now)}, checks {one.check(now)}" for one in alive}
        if list(found) != [instance_id] or alive[0].check(now) != "ok":
            self.broken("one instance", f"{server} is verified with {instance_id}, EC2 has {found}")

    def _require_rolled_back(self, actor: Actor | None, server: str) -> None:
        if self.is_excused(server, actor):
            return
        now = self.world.clock.now()
        alive = [one.instance_id for one in self.account.ec2.staying_of(server)]
        job = self.account.mgn.own.account.active_job_of(server)
        state = self._truth(server).lifecycle_state
        if alive or job is not None or state not in ("READY_FOR_TEST", "READY_FOR_CUTOVER", "NOT_READY"):
            job_id = job.job_id if job else None
            self.broken("rolled back", f"{server} at {now:.0f}: instances {alive}, job {job_id}, {state}")
        if not self.account.source(server).is_running:
            self.broken("rolled back", f"{server}: its source is still stopped")

    def histories_end(self) -> None:
        """Judges the end of each history with the package's own function. The lines before it were judged when they
        were written, and none was written again."""
        items = self.account.table.items
        for migration, before in self._before_ends.items():
            after = history_key(migration, before[0])
            names = sorted(name for name in items if name.startswith(f"{migration}#") and name > after)
            lines, item = [entry_of(items[name]) for name in names], items[migration]
            problems = verify(lines, record_of(item), record_digest(item), ArchivedUntil(*before))
            if problems:
                self.broken("history", "; ".join(problems))

    # What the scheduler says

    def waited(self, one: Instance, wait: Wait) -> None:
        now = self.world.clock.now()
        deadline = wait.deadline
        if not math.isfinite(deadline) or not now - 600 <= deadline <= now + LONGEST_WAIT_SECONDS:
            self.broken("deadline", f"{one.actor} waits until {deadline - now:.0f} s from now: {wait.why}")
        if one.waits > MOST_WAITS:
            self.broken("deadline", f"{one.actor} waited {one.waits} times: {wait.why}")

    def failed(self, one: Instance, error: BaseException) -> None:
        if not isinstance(error, MigrationError):
            self.broken("explained", f"{one.actor} failed of {error!r}")
        elif not error.code or not error.hint or not error.message:
            self.broken("explained", f"{one.actor} failed of {error}: no code, hint or message")

    def ended(self, run: Run) -> None:
        """Checks the ends of a run when nothing runs any more."""
        for app in run.plan.applications:
            close = run.instances.get(f"finish.close:{app.app_name}")
            if close is None or not (close.state == "success" or close.code == "GOAL_MISSED"):
                continue
            for one in app.servers:
                item = self.account.table.items.get(one.migration_id)
                phase = _text(item, "phase")
                is_ours = _text(item, "dagRunId") == run.run_id and app.app_name not in run.half_cleared
                if phase not in _MAY_END_IN and is_ours:
                    self.broken("explained", f"{run.run_id} is over, {one.migration_id} is left in {phase}")
                if phase in (Phase.FAILED, Phase.FROZEN) and not _text(item, "errorCode"):
                    self.broken("explained", f"{one.migration_id} is {phase} and nobody noted why")


def _text(item: dict[str, Any] | None, name: str) -> str:
    return str(((item or {}).get(name) or {}).get("S") or "")
