"""The course of every launch, test and cutover: look up unknown outcomes, judge, send once, follow, conclude."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.carry import LaunchCarry
from migration_ops.wave.launching.launch import LaunchKind, finish, resolve_unknown_outcomes, start
from migration_ops.wave.records import filter_by_phase, records_of, require_reached, to_act
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.outcome import Done, Outcome, Wait


@dataclass(frozen=True)
class Passed:
    """The records that may be launched now.

    :param todo: to be launched, or launched already and to be followed.
    :param views: the servers as judged right before, by source server id.
    :param lags: the lag in seconds that was judged, by source server id.
    :param past: records that turned out to need no launch, as stored now.
    """

    todo: list[Record]
    views: dict[str, ServerView] = field(default_factory=dict)
    lags: dict[str, float | None] | None = None
    past: list[Record] = field(default_factory=list)


@dataclass(frozen=True)
class LaunchGate:
    """The conditions of a launch.

    :param take_up: returns the application's records for a step that acts; raises when it may not act.
    :param judge: judges the records whose outcomes are known. It returns a Wait when the gate may open later, and
        raises when nothing may be launched. Records that already follow a job pass.
    """

    take_up: Callable[[Services, StepInput], list[Record]]
    judge: Callable[[Services, StepInput, list[Record]], Wait | Passed]


def run_launch(services: Services, inp: StepInput, kind: LaunchKind, gate: LaunchGate) -> Outcome:
    """Done when every server of the application was launched, or is past that point.

    Hours may pass between two waits of the step, so the gate is asked again each time before something is sent.

    :raises StepFailedError: a launch failed; clear the task to launch the failed ones again.
    :raises MigrationError: see ``resolve_unknown_outcomes``, ``start`` and ``finish``, and the gate.
    """
    if inp.resumed is not None and inp.carried(LaunchCarry).jobs is not None:
        records = records_of(services, inp.application)
        return _done(inp, kind, records, finish(services, kind, _launching(records, kind), inp.resumed))
    records = gate.take_up(services, inp)
    settled = resolve_unknown_outcomes(services, inp, kind, to_act(records, kind.step))
    if isinstance(settled, Wait):
        return settled
    if not settled:
        return _done(inp, kind, records, [])
    passed = gate.judge(services, inp, settled)
    if isinstance(passed, Wait):
        return passed
    if not passed.todo:
        return _done(inp, kind, records, passed.past)
    return start(services, inp, kind, passed.todo, passed.views, passed.lags)


def _launching(records: list[Record], kind: LaunchKind) -> list[Record]:
    return filter_by_phase(records, {kind.launching})


def _done(inp: StepInput, kind: LaunchKind, records: Iterable[Record], changed: Iterable[Record]) -> Done:
    app_name = inp.application.app_name
    now = list({record.migration_id: record for record in [*records, *changed]}.values())
    require_reached(now, kind.step, f"{kind.name} of {app_name}")
    return Done(
        {
            "appName": app_name,
            "instances": {record.source_server_id: record.instance_id for record in now},
            "jobs": sorted({record.job_id for record in now if record.job_id}),
        }
    )
