"""People who act in the AWS console beside the wave: their calls have no intent tag, and MGN's rules apply."""

from __future__ import annotations

import random

from include.sandbox.mgn.errors import MgnError
from include.sandbox.mgn.service import OPERATIONS
from include.simulation.account import Account
from include.simulation.invariants import Invariants


class Console:
    """Acts on servers and instances, so that earlier reads of the package are out of date."""

    def __init__(self, account: Account, invariants: Invariants) -> None:
        self._account, self._invariants = account, invariants

    def act(self, dice: random.Random, server: str) -> None:
        """One random action of a person on this server; if MGN refuses it, nothing happens."""
        acts = (
            self._launch_test,
            self._launch_cutover,
            self._revert,
            self._stop_instance,
            self._terminate_instance,
            self._stall,
        )
        act = dice.choice(acts)
        self._account.world.note(f"{act.__name__.strip('_').replace('_', ' ')} of {server}", "console")
        self._invariants.disturbed(server)
        try:
            act(server)
        except MgnError as error:
            self._account.world.note(f"refused: {error.message}", "console")

    def _launch_test(self, server: str) -> None:
        OPERATIONS["StartTest"](self._account.mgn.own, {"sourceServerIDs": [server]})

    def _launch_cutover(self, server: str) -> None:
        OPERATIONS["StartCutover"](self._account.mgn.own, {"sourceServerIDs": [server]})

    def _revert(self, server: str) -> None:
        state = self._account.mgn.own.account.server(server).lifecycle_state
        wanted = "READY_FOR_CUTOVER" if state == "CUTTING_OVER" else "READY_FOR_TEST"
        request = {"sourceServerID": server, "lifeCycle": {"state": wanted}}
        OPERATIONS["ChangeServerLifeCycleState"](self._account.mgn.own, request)

    def _stop_instance(self, server: str) -> None:
        for instance in self._account.ec2.staying_of(server):
            instance.stopped = True

    def _terminate_instance(self, server: str) -> None:
        for instance in self._account.ec2.staying_of(server):
            self._account.ec2.terminate(instance.instance_id)

    def _stall(self, server: str) -> None:
        now = self._account.world.clock.now()
        self._account.mgn.own.account.server(server).replication.stall("AGENT_NOT_SEEN", now, now + 1_800)
