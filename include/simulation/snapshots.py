"""A schedule between two turns as bytes, so that many schedules begin there instead of at the start.

Generators cannot be copied, and the jobs of the sandbox's MGN are generators: a snapshot is taken only while
``World.is_quiet``. What never changes is not copied but shared.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import threading
from dataclasses import dataclass
from typing import Any

from include.simulation.expressions import Stored
from include.simulation.schedule import Running
from include.simulation.table import Sent
from include.simulation.tasks import Graph
from migration_ops.wave.plan.plan import WavePlan


@dataclass(frozen=True)
class Snapshot:
    """One schedule between two turns.

    :param shared: what is never changed, referred to from ``data`` by its place here.
    """

    data: bytes
    shared: list[Any]


# Of the snapshot that is being taken or resumed: pickle's functions for single types know of none.
_shared: list[Any] = []


def take(running: Running) -> Snapshot:
    """The schedule as it is now.

    :raises ValueError: a job runs, or a call is on its way.
    """
    global _shared
    if not running.scheduler.world.is_quiet:
        raise ValueError("something is under way")
    _shared, target = [], io.BytesIO()
    pickler = pickle.Pickler(target, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _TABLE
    pickler.dump(running)
    return Snapshot(target.getvalue(), _shared)


def resume(snapshot: Snapshot) -> Running:
    """A new schedule that continues from there; what it does changes no other."""
    global _shared
    _shared = snapshot.shared
    running: Running = pickle.loads(snapshot.data)  # noqa: S301 - made by this process
    return running


def _share(one: Any) -> tuple[Any, tuple[int]]:
    _shared.append(one)
    return _one_of_shared, (len(_shared) - 1,)


def _one_of_shared(place: int) -> Any:
    return _shared[place]


def _lock(_: Any) -> tuple[Any, tuple[()]]:
    return threading.Lock, ()


def _rlock(_: Any) -> tuple[Any, tuple[()]]:
    return threading.RLock, ()


_TABLE = copyreg.dispatch_table | {
    Graph: _share,
    WavePlan: _share,
    Stored: _share,
    Sent: _share,
    type(threading.Lock()): _lock,
    type(threading.RLock()): _rlock,
}
