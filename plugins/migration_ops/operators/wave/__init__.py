"""Operators of ``migration_wave`` and ``migration_rollback``: one shell for every step, params and wiring."""
