"""Functions in the audit: secrets, exposure, keys, runtimes, dead letters."""

from __future__ import annotations

from migration_ops.aws.inventory import lambda_audit
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, Route, critical, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.verdicts import asked_of, judge_secrets, open_to


@check(
    AUDIT,
    about=lambda_audit.FUNCTIONS,
    route=Route.PAGE,
    title="Secrets in the environment of functions",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="secrets",
    kind="functions",
    severity="critical",
    risk=("Whoever may read the function's configuration, its deployments or its logs has the secret."),
    remedy=(
        "Rotate the secret now: it was readable. Keep it in Secrets Manager, give the function its ARN, "
        "and remove the variable."
    ),
    prowler=("awslambda_function_no_secrets_in_variables",),
)
def lambda_function_no_secrets_in_variables(function: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Environment variables of functions hold names of secrets, never secrets."""
    return judge_secrets(function["secrets"], f"none in {function['variables']} variables")


@check(
    AUDIT,
    about=lambda_audit.FUNCTIONS,
    title="Variables of functions encrypted with our own key",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="functions",
    severity="medium",
    risk=("With AWS's own key we cannot decide who may decrypt the variables, and CloudTrail records no use of it."),
    remedy=(
        "Set KMSKeyArn of the function to a customer-managed key that rotates, and let the function's "
        "role decrypt with it."
    ),
    prowler=("awslambda_function_env_vars_not_encrypted_with_cmk",),
)
def lambda_function_variables_own_key(function: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """The variables of a function are encrypted with a customer-managed key."""
    if not function["variables"]:
        return ok("there are no variables")
    key = function.optional("keyArn")
    if key is None:
        return warning(
            "the variables are encrypted with AWS's own key", value="AWS's own key", limit="a key of our own"
        )
    return ok("", evidence=(key,))


@check(
    AUDIT,
    about=lambda_audit.FUNCTIONS,
    title="Runtimes of functions that AWS supports",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="days",
    kind="functions",
    severity="medium",
    risk=("A runtime without support gets no security updates; later such a function cannot be updated any more."),
    remedy=(
        "Move the function to a current runtime and test it; compare include/config/lambda_runtimes.yaml "
        "with AWS's page."
    ),
    prowler=("awslambda_function_using_supported_runtimes",),
)
def lambda_function_supported_runtime(function: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult | None:
    """Functions whose runtime is without support, or soon will be. Container images have no Lambda runtime."""
    if function["packageType"] == "Image":
        return None
    runtime = function["runtime"]
    if runtime.optional("end") is None:
        return unknown(f"{runtime['name']}: lambda_runtimes.yaml does not say when its support ends")
    left, limit = runtime["daysLeft"], limits.audit.runtime_end_warning_days
    seen = {"value": left, "limit": limit, "evidence": (runtime["name"], runtime["end"])}
    if left <= 0:
        return critical(f"{runtime['name']} has had no support since {runtime['end']}", **seen)
    if left <= limit:
        return warning(f"the support of {runtime['name']} ends on {runtime['end']}", **seen)
    return ok(f"{runtime['name']} is supported until {runtime['end']}", **seen)


@check(
    AUDIT,
    about=lambda_audit.FUNCTIONS,
    route=Route.PAGE,
    title="Functions that everybody may call",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="functions",
    severity="critical",
    risk=("Anybody with an AWS account can run the function, with its role's rights and at our cost."),
    remedy=("Remove the permission (lambda remove-permission), or bind it with SourceArn and SourceAccount."),
    prowler=("awslambda_function_not_publicly_accessible",),
)
def lambda_function_not_public(function: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """No policy of a function, of its aliases or versions allows everybody."""
    policies = function["policies"]
    checks = [each for one in policies for each in asked_of(one, "accessCheck")]
    return open_to([(_of(one["alias"]), one["document"]) for one in policies], checks)


def _of(qualifier: str) -> str:
    """A qualifier of digits is a version: an alias cannot be a number."""
    return f"{'version' if qualifier.isdigit() else 'alias'} {qualifier}" if qualifier else ""


@check(
    AUDIT,
    about=lambda_audit.FUNCTIONS,
    title="Function URLs without sign-in",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="URLs",
    kind="functions",
    severity="high",
    risk="The URL answers everybody on the internet.",
    remedy="Set the URL's AuthType to AWS_IAM, or delete the URL if nobody needs it.",
    prowler=("awslambda_function_url_public",),
)
def lambda_function_url_signed(function: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """A function URL asks for an AWS signature."""
    urls = function["urls"]
    bare = [one["alias"] or "$LATEST" for one in urls if one["authType"] != "AWS_IAM"]
    if bare:
        return critical(f"URL without sign-in: {', '.join(bare)}", value=len(bare), limit=0)
    return ok(f"{len(urls)} URLs, each with sign-in" if urls else "no URL", value=0, limit=0)


@check(
    AUDIT,
    about=lambda_audit.FUNCTIONS,
    title="Functions whose failures are lost",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="functions",
    severity="medium",
    risk=("An asynchronous invocation that fails three times is lost, and nobody notices."),
    remedy=("Give the function a dead-letter queue or an on-failure destination, and watch that queue."),
    prowler=("awslambda_function_no_dead_letter_queue",),
)
def lambda_function_dead_letters(function: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Failed asynchronous invocations of a function go somewhere."""
    target = function.optional("deadLetterTarget")
    targets = [*([target] if target else []), *function["onFailure"]]
    if not targets:
        return warning("neither dead letters nor a destination for failures")
    return ok(f"failures go to {', '.join(targets)}")
