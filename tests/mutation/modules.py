"""The modules whose mutants must die, and the fast tests that must kill them."""

from __future__ import annotations

_RULES = ["tests/wave/rules"]
_PERMIT = [*_RULES, "tests/wave/test_standing.py"]

# By what they hold: at-most-once, transitions, chain, gates, permission, signing.
TESTED: dict[str, list[str]] = {
    "core/states.py": ["tests/core/test_states.py"],
    "wave/rules/permit.py": _PERMIT,
    "wave/rules/approvals.py": ["tests/wave/rules", "tests/wave/test_decisions.py"],
    "wave/rules/policy.py": ["tests/wave/rules", "tests/operators/test_approval_answers.py"],
    "wave/rules/standing.py": _PERMIT,
    "wave/rules/replication.py": ["tests/wave/rules", "tests/proofs/test_lag_gate.py"],
    "wave/rules/boot.py": _RULES,
    "wave/rules/launch.py": _RULES,
    "wave/rules/failure.py": _RULES,
    "operators/choice.py": ["tests/operators/test_approval_answers.py"],
    "ledger/chain.py": ["tests/ledger"],
    "integrations/callback/signing.py": ["tests/integrations/test_signing.py", "tests/proofs/test_signatures.py"],
}
