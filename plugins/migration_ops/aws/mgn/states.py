"""MGN's states in named sets, each named once: dataReplicationState and lifeCycle.state of a source server."""

from __future__ import annotations

# dataReplicationState (mgn-reference section 5). PAUSED was asked for by a person, who can resume it: it waits.
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


# lifeCycle.state (section 4). StartTest is accepted again in TESTING, it then replaces the test instance.
LAUNCHABLE_FOR_TEST = frozenset({"READY_FOR_TEST", "TESTING"})


LAUNCHABLE_FOR_CUTOVER = frozenset({"READY_FOR_CUTOVER"})


# NOT_READY becomes READY_FOR_TEST by itself with the first snapshot, so a wave may start and wait for it.
WAVE_CAN_START = frozenset({"NOT_READY"}) | LAUNCHABLE_FOR_TEST | LAUNCHABLE_FOR_CUTOVER


# What FinalizeCutover leaves behind.
AFTER_FINALIZE = frozenset({"CUTOVER", "DISCONNECTED"})


# Waiting brings no server from here to a launch.
TERMINAL_FOR_WAVE = frozenset({"STOPPED", "DISCONNECTED", "DISCOVERED", "PENDING_INSTALLATION", "CUTOVER"})


LIFECYCLE_STATES = WAVE_CAN_START | {"CUTTING_OVER"} | TERMINAL_FOR_WAVE
