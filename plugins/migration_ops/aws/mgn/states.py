"""MGN's states in named sets: dataReplicationState and lifeCycle.state of a source server (API reference)."""

from __future__ import annotations

# dataReplicationState. PAUSED counts as waiting: a person paused it and can resume it.
REPLICATION_READY = frozenset({"CONTINUOUS"})


REPLICATION_WAITING = frozenset(
    {
        "INITIATING",
        "INITIAL_SYNC",
        "BACKLOG",
        "CREATING_SNAPSHOT",
        "PAUSED",
        "RESCAN",
        "PENDING_SNAPSHOT_SHIPPING",
        "SHIPPING_SNAPSHOT",
    }
)


# No data flows and none will unless a person acts.
REPLICATION_TERMINAL = frozenset({"STALLED", "DISCONNECTED", "STOPPED"})


# replicationType. A server without an agent is copied by snapshots, shipment by shipment: it is never CONTINUOUS.
AGENT_BASED = "AGENT_BASED"
AGENTLESS = "SNAPSHOT_SHIPPING"


# MGN keeps the last lag and state of an agent that has gone silent, and says "Agent not seen" only after some 45
# minutes. A healthy agent is seen every two minutes; its snapshots are up to an hour apart.
SEEN_WITHIN_SECONDS = 900
SNAPSHOT_WITHIN_SECONDS = 5_400
# The clocks of AWS and ours may differ by so much.
CLOCKS_DIFFER_BY_SECONDS = 600


# Replication has ended. Of a STALLED server it goes on once a person has fixed it.
REPLICATION_ENDED = frozenset({"DISCONNECTED", "STOPPED"})


# lifeCycle.state of servers on which there is no agent yet: nothing replicates.
BEFORE_REPLICATION = frozenset({"DISCOVERED", "PENDING_INSTALLATION"})


# lifeCycle.state. StartTest is accepted again in TESTING; it then replaces the test instance.
LAUNCHABLE_FOR_TEST = frozenset({"READY_FOR_TEST", "TESTING"})


LAUNCHABLE_FOR_CUTOVER = frozenset({"READY_FOR_CUTOVER"})


# NOT_READY becomes READY_FOR_TEST by itself with the first snapshot, so a wave may start and wait for it.
WAVE_CAN_START = frozenset({"NOT_READY"}) | LAUNCHABLE_FOR_TEST | LAUNCHABLE_FOR_CUTOVER


# The states after FinalizeCutover.
AFTER_FINALIZE = frozenset({"CUTOVER", "DISCONNECTED"})


# Waiting does not make a server in these states launchable.
TERMINAL_FOR_WAVE = frozenset({"STOPPED", "DISCONNECTED", "DISCOVERED", "PENDING_INSTALLATION", "CUTOVER"})


LIFECYCLE_STATES = WAVE_CAN_START | {"CUTTING_OVER"} | TERMINAL_FOR_WAVE
