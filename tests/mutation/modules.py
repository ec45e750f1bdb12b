"""The modules whose mutants must die, and the fast tests that must kill them."""

from __future__ import annotations

_RULES = ["tests/wave/rules"]
_PERMIT = [*_RULES, "tests/wave/test_standing.py"]
_ONCE = ["tests/wave/launching"]
_WAITS = ["tests/wave/waits/test_conditions.py", "tests/wave/waits/test_observed.py"]
_CHAIN = ["tests/ledger/test_chain_rules.py"]
_ANCHORS = ["tests/ledger/test_anchors.py"]
_WRITES = ["tests/ledger/test_write_rules.py", "tests/ledger/test_items.py"]

TESTED: dict[str, list[str]] = {
    # At most once
    "wave/launching/at_most_once.py": _ONCE,
    "wave/launching/intents.py": _ONCE,
    "wave/launching/job_lookup.py": _ONCE,
    "wave/launching/late_jobs.py": _ONCE,
    "wave/launching/reconcile.py": _ONCE,
    "wave/launching/external_launches.py": _ONCE,
    "wave/launching/terminate.py": _ONCE,
    "wave/launching/only_instance.py": _ONCE,
    "wave/launching/launch.py": _ONCE,
    "wave/launching/run_launch.py": _ONCE,
    "wave/launching/lifecycle.py": _ONCE,
    "wave/launching/instances.py": _ONCE,
    # Transitions
    "core/states.py": ["tests/core/test_states.py"],
    "ledger/writes.py": _WRITES,
    "ledger/locks.py": _WRITES,
    # Chain
    "ledger/chain.py": _CHAIN,
    "ledger/stored_chain.py": _CHAIN,
    "ledger/record_digest.py": _CHAIN,
    "ledger/archived_copies.py": ["tests/ledger/test_archived_copies.py"],
    "ledger/line_evidence.py": ["tests/ledger/test_line_evidence.py"],
    "ledger/lock_check.py": ["tests/ledger/test_lock_check.py"],
    "ledger/anchored.py": ["tests/ledger/test_anchored.py"],
    "ledger/anchor_trail.py": ["tests/ledger/test_anchor_trail.py"],
    "ledger/anchor_signing.py": ["tests/ledger/test_anchor_signing.py"],
    "ledger/anchor_store.py": _ANCHORS,
    "ledger/anchors.py": ["tests/ledger/test_anchor_trail.py"],
    "ledger/verify_history.py": _ANCHORS,
    # Gates
    "core/verdict.py": _RULES,
    "wave/waits/mgn.py": _WAITS,
    "wave/waits/time.py": _WAITS,
    "wave/waits/condition.py": _WAITS,
    "wave/rules/replication.py": [
        "tests/wave/rules/test_replication.py",
        "tests/wave/rules/test_gate_words.py",
        "tests/proofs/test_lag_gate.py",
    ],
    "wave/rules/boot.py": ["tests/wave/rules/test_replication.py", "tests/wave/rules/test_gate_words.py"],
    "wave/rules/launch.py": ["tests/wave/rules/test_replication.py", "tests/wave/rules/test_gate_words.py"],
    "wave/rules/failure.py": ["tests/wave/rules/test_failure_window.py", "tests/wave/rules/test_gate_words.py"],
    "wave/rules/window.py": ["tests/wave/rules/test_failure_window.py", "tests/wave/rules/test_gate_words.py"],
    "wave/rules/live.py": _RULES,
    "wave/rules/outside.py": ["tests/wave/rules/test_outside.py"],
    "wave/rules/finalized.py": ["tests/wave/rules/test_finalized.py"],
    "wave/rules/source_node.py": ["tests/wave/rules/test_source_node.py"],
    # Permission
    "wave/rules/permit.py": _PERMIT,
    "wave/rules/approvals.py": _RULES,
    "wave/rules/approvers.py": _RULES,
    "wave/rules/notes.py": ["tests/wave/rules/test_notes.py"],
    "wave/rules/policy.py": ["tests/wave/rules/test_policy.py"],
    "wave/rules/standing.py": ["tests/wave/test_standing.py", "tests/wave/rules/test_permit.py"],
    "wave/permission.py": ["tests/wave/test_permission.py", "tests/wave/test_stop_and_dependencies.py"],
    "operators/choice.py": ["tests/operators/test_choice.py"],
    # Signing
    "integrations/callback/signing.py": ["tests/integrations/test_signing.py", "tests/proofs/test_signatures.py"],
}

# What is stored in S3 and verified there is tested on moto's server.
WITH_SERVERS = frozenset(name for name, tests in TESTED.items() if tests is _ANCHORS)


def options_of(name: str) -> list[str]:
    """Which of the tests are run for a module: the fast ones, which start no server."""
    return [] if name in WITH_SERVERS else ["-m", "not sandbox"]
