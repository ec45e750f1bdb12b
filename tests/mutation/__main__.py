"""``python -m tests.mutation [module …]``: a Markdown table of mutants, killed and survived; survivors to stderr.

Each mutant runs in a process of its own, in a copy of the package that comes first on the path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutation.mutants import Mutant, mutants_of

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "plugins" / "migration_ops"
LIMIT_SECONDS = 180
RULES = ["tests/wave/rules", "tests/wave/test_standing.py"]
# Module: the fast tests that must kill its mutants.
TESTED: dict[str, list[str]] = {
    "wave/rules/permit.py": RULES,
    "wave/rules/approvals.py": ["tests/wave/rules", "tests/wave/test_decisions.py"],
    "wave/rules/policy.py": ["tests/wave/rules", "tests/operators/test_approval_answers.py"],
    "wave/rules/standing.py": RULES,
    "wave/rules/replication.py": ["tests/wave/rules", "tests/proofs/test_lag_gate.py"],
    "wave/rules/boot.py": ["tests/wave/rules"],
    "wave/rules/launch.py": ["tests/wave/rules"],
    "wave/rules/failure.py": ["tests/wave/rules"],
    "operators/choice.py": ["tests/operators/test_approval_answers.py"],
    "core/states.py": ["tests/core", "tests/wave/test_standing.py"],
    "ledger/chain.py": ["tests/ledger"],
    "integrations/callback/signing.py": ["tests/integrations/test_signing.py", "tests/proofs/test_signatures.py"],
}


def main(names: list[str]) -> int:
    survived_all = 0
    print("| Module | Mutants | Killed | Survived |\n| :-- | --: | --: | --: |")
    for name in names or list(TESTED):
        mutants = list(mutants_of((PACKAGE / name).read_text()))
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            killed = list(pool.map(lambda one, about=name: _is_killed(about, one), mutants))
        left = [one for one, dead in zip(mutants, killed, strict=True) if not dead]
        survived_all += len(left)
        print(f"| `{name}` | {len(mutants)} | {sum(killed)} | {len(left)} |", flush=True)
        print("\n".join(f"- `{name}:{one.line}` {one.change}" for one in left), file=sys.stderr, flush=True)
    return 1 if survived_all else 0


def _is_killed(name: str, mutant: Mutant) -> bool:
    with tempfile.TemporaryDirectory(prefix="mutant-") as home:
        copied = Path(home) / "migration_ops"
        shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
        (copied / name).write_text(mutant.source)
        tests = ["-x", "-q", "-m", "not sandbox", "-p", "no:cacheprovider", "-o", f"pythonpath={home} .", *TESTED[name]]
        environment = os.environ | {"PYTHONPATH": home, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", *tests]
        try:
            run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            return True
        return run.returncode != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
