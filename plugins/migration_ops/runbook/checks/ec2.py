"""Instances, disks, addresses and documents of Systems Manager."""

from __future__ import annotations

from migration_ops.aws.inventory import ec2_idle, ec2_instances, ssm, ssm_documents
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, Route, critical, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT, COST
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.verdicts import judge_secrets


@check(
    AUDIT,
    about=ssm_documents.DOCUMENTS,
    route=Route.PAGE,
    title="Secrets in SSM documents",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="secrets",
    empty="ok",
    severity="critical",
    risk="Everybody who may run the document can read the secret.",
    remedy=("Rotate the secret now: it was readable. Use a SecureString parameter or a secret in the document."),
    prowler=("ssm_document_secrets",),
)
def ssm_document_no_secrets(document: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """The account's own SSM documents hold no secrets."""
    return judge_secrets(document["secrets"], "none in the document")


@check(
    AUDIT,
    about=ec2_instances.INSTANCES,
    title="Migrated servers that answer IMDSv2 only",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    empty="ok",
    severity="high",
    risk=("A flaw in an application on the server (SSRF) would give away the credentials of its role."),
    remedy=(
        "Require tokens (modify-instance-metadata-options; before cutover in the server's launch template) "
        "once nothing on the server needs IMDSv1."
    ),
    prowler=("ec2_instance_imdsv2_enabled",),
)
def ec2_migrated_instance_imdsv2(instance: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """The metadata service of a migrated server asks for a token, or is off."""
    if instance["metadata"] == "disabled":
        return ok("the metadata service is off")
    tokens = instance["tokens"]
    if tokens == "required":
        return ok("", value=tokens, limit="required")
    return critical("the metadata service answers without a token", value=tokens, limit="required")


@check(
    AUDIT,
    about=ec2_instances.INSTANCES,
    title="Migrated servers with a public address",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    empty="ok",
    severity="medium",
    risk=("A server that was behind a firewall can now be reached from the internet."),
    remedy=("Remove the address, and set the launch template to a private subnet without public addresses."),
    prowler=("ec2_instance_public_ip",),
)
def ec2_migrated_instance_public_address(instance: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """IPv6 addresses are public as such; whether a route leads to them is for the network's own review."""
    found = instance["publicAddresses"]
    return warning(f"public address: {', '.join(found)}", evidence=tuple(found)) if found else ok("none")


@check(
    AUDIT,
    about=ec2_instances.INSTANCES,
    title="Migrated servers with an instance profile",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    empty="ok",
    severity="medium",
    risk=(
        "Without a role SSM cannot reach the server, and applications on it are given access keys that never expire."
    ),
    remedy=(
        "Attach an instance profile (at least AmazonSSMManagedInstanceCore), and name it in the server's "
        "launch template."
    ),
    prowler=("ec2_instance_profile_attached",),
)
def ec2_migrated_instance_profile(instance: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """A migrated server has an instance profile."""
    arn = instance.optional("profileArn")
    return ok("", evidence=(arn,)) if arn else warning("there is no instance profile")


@check(
    AUDIT,
    about=ec2_instances.INSTANCES,
    also=(ssm.ALL,),
    title="Migrated servers with all patches",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="patches",
    empty="ok",
    severity="high",
    risk="A migrated server brings its known vulnerabilities along.",
    remedy=(
        "Patch the server with Patch Manager (AWS-RunPatchBaseline) in its maintenance window; have every"
        " server scanned weekly."
    ),
    prowler=("ssm_managed_compliant_patching",),
)
def ec2_migrated_instance_patched(instance: Snapshot, estate: Snapshot, limits: Thresholds) -> CheckResult:
    """Systems Manager scanned a migrated server lately and found no missing patch."""
    state = estate.path("patch_compliance.servers").optional(instance["name"])
    if state is None:
        return warning("Systems Manager has never scanned it for patches")
    limit = limits.audit.max_patch_scan_age_days
    if state["status"] == "NON_COMPLIANT":
        missing = state["missing"]
        return critical(
            f"{missing} patches are missing, the worst {state.optional('severity')}", value=missing, limit=0
        )
    if state["status"] != "COMPLIANT":
        return unknown(f"Systems Manager calls it {state['status']}")
    if state["ageDays"] > limit:
        return warning(f"the last scan for patches is {state['ageDays']:.0f} days old, limit {limit}")
    return ok("no patch is missing", value=0, limit=0)


@check(
    COST,
    about=ec2_idle.INSTANCES,
    title="Idle instances",
    section="Maintenance Tasks, Monthly 3. Cost Optimization",
    unit="%",
    empty="ok",
    risk="The instance costs money and does nothing.",
    remedy="Ask its owner; stop it, or take a smaller type.",
)
def ec2_instance_idle(instance: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Instances whose busiest day was idle."""
    days, most = limits.cost.idle_days, limits.cost.max_idle_cpu_percent
    if instance["ageHours"] < days * 24:
        return ok(f"runs since {instance['ageHours'] / 24:.1f} days: too short to call it idle", limit=most)
    means = instance["cpu"]["values"]
    # CloudWatch has a value for every day on which it ran.
    if len(means) < days / 2:
        return unknown(f"it runs, and CloudWatch has its CPU of {len(means)} of {days} days")
    busiest = round(max(means), 2)
    said = f"{instance['type']}: {busiest:g} % CPU on its busiest day of {days}"
    return (warning if busiest <= most else ok)(said, value=busiest, limit=most)


@check(
    COST,
    about=ec2_idle.VOLUMES,
    title="Unattached volumes",
    section="Maintenance Tasks, Monthly 3. Cost Optimization",
    unit="days",
    empty="ok",
    risk="Volumes cost money whether or not an instance uses them.",
    remedy="Take a snapshot if in doubt, then delete the volume.",
)
def ebs_volume_unattached(volume: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """EC2 does not say since when a volume is unattached; a young one may be about to be attached."""
    days, age = limits.cost.idle_days, round(volume["ageHours"] / 24, 1)
    if volume["attachedTo"] or volume["state"] != "available":
        return ok("in use", limit=days)
    said = f"{volume['gib']} GiB, attached to nothing, made {age:g} days ago"
    return (warning if age > days else ok)(said, value=age, limit=days)


@check(
    COST,
    about=ec2_idle.SNAPSHOTS,
    title="Snapshots without a volume",
    section="Maintenance Tasks, Monthly 3. Cost Optimization",
    unit="days",
    empty="ok",
    risk="Snapshots cost money for as long as they are kept, and nobody knows what these are for.",
    remedy=("Delete it, move it to the archive tier, or let a backup plan keep it until a set date."),
)
def ebs_snapshot_without_volume(snapshot: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Snapshots of volumes that are gone, of which no image of ours is made and which no backup plan keeps."""
    days, age = limits.cost.idle_days, round(snapshot["ageHours"] / 24, 1)
    if snapshot["hasVolume"]:
        return ok("its volume is there", limit=days)
    if snapshot["images"] or snapshot["isBackup"]:
        return ok("kept for an image or by a backup plan", limit=days)
    said = f"{snapshot['gib']} GiB, of {snapshot.optional('volumeId', 'no volume')}, which is gone"
    return (warning if age > days else ok)(said, value=age, limit=days)


@check(
    COST,
    about=ec2_idle.ADDRESSES,
    title="Elastic IP addresses that nothing uses",
    section="Maintenance Tasks, Monthly 3. Cost Optimization",
    empty="ok",
    risk="An address costs money by the hour.",
    remedy="Release it, unless somebody outside still has it in an allow list.",
)
def ec2_address_unassociated(address: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Elastic IP addresses that nothing uses."""
    if address["isAssociated"]:
        return ok("in use")
    return warning(f"{address['publicIp']} belongs to nothing; since when, EC2 does not say")
