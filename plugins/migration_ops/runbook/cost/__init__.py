"""Monthly cost review: what grew, what is left over, idle, or billed the wrong way. One check a file."""

from __future__ import annotations

from migration_ops.runbook.checks.check import Chapter

CHAPTER = Chapter(
    name="cost",
    readers=("cost_explorer", "staging", "idle", "table_mode"),
    check_ids=(
        "cost_service_growth",
        "cost_tag_growth",
        "cost_data_transfer_growth",
        "mgn_staging_leftover",
        "mgn_launched_instance_leftover",
        "ec2_instance_idle",
        "ebs_volume_unattached",
        "ebs_snapshot_without_volume",
        "ec2_address_unassociated",
        "dynamodb_table_mode",
    ),
)
