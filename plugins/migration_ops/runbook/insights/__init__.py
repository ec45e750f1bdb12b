"""The runbook's Logs Insights queries: kept as files, asked with typed parameters, shown as tables and charts."""

from __future__ import annotations

# Names of the files in include/queries, in the order of the runbook. DAG files read no directory.
QUERIES = ("recent_errors", "track_migration", "replication_lag", "failed_migrations")
