"""The monthly security audit: what is too open, too old or unencrypted. One check a file, its metadata beside it."""

from __future__ import annotations

from migration_ops.runbook.judging import Chapter

CHAPTER = Chapter(
    name="audit",
    readers=(
        "iam",
        "accessanalyzer",
        "kms",
        "secretsmanager",
    ),
    check_ids=(
        "iam_inline_policy_no_administrative_privileges",
        "iam_customer_attached_policy_no_administrative_privileges",
        "iam_role_administratoraccess_policy",
        "iam_role_no_privilege_escalation",
        "iam_policy_no_permissive_role_assumption",
        "iam_role_trust_not_permissive",
        "iam_role_cross_service_confused_deputy_prevention",
        "iam_policy_no_full_access_to_kms",
        "iam_policy_no_wildcard_resource_on_changes",
        "iam_role_no_unused_permissions",
        "accessanalyzer_enabled_without_findings",
        "kms_key_rotation_enabled",
        "kms_key_not_pending_deletion",
        "kms_key_not_publicly_accessible",
        "secretsmanager_secret_automatic_rotation",
        "secretsmanager_secret_rotated_periodically",
        "secretsmanager_secret_unused",
        "secretsmanager_secret_not_publicly_accessible",
        "secretsmanager_secret_restrictive_resource_policy",
    ),
)
