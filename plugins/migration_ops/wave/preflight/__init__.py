"""Read-only checks of the whole wave before anything is touched. All findings are reported together."""

from migration_ops.wave.preflight.run import preflight, register

__all__ = ["preflight", "register"]
