"""The runbook's Logs Insights queries: kept as files, run with typed parameters, shown as tables and charts."""

from __future__ import annotations

# Names of the files in include/queries, in the order of the runbook. Constant: DAG files read no directory.
QUERIES = ("recent_errors", "track_migration", "replication_lag", "failed_migrations")
