"""(e) The health check beside the runbook's own command lines, on the same account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from include.local import resources
from include.sandbox.estates.account import Account as Operations
from include.sandbox.estates.clean import cloudwatch
from include.sandbox.estates.clean.lambda_ import make_function
from include.sandbox.estates.clean.logs import CALM_LINES, write_lines
from include.sandbox.estates.clean.sqs import queue_with_dead_letters
from include.sandbox.estates.clean.stepfunctions import make_execution, make_state_machine
from include.sandbox.estates.own_airflow import OwnAirflow
from migration_ops.aws.reader import AwsReader
from migration_ops.core.config import read_config
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import Finding
from migration_ops.core.settings import read_settings
from migration_ops.runbook.checks.chapters import CHAPTERS, HEALTH
from migration_ops.runbook.checks.check import read_with
from tests.benchmarks.account import Account, environment, fresh_account
from tests.benchmarks.report import table

FUNCTIONS, QUEUES, STATE_MACHINES = 50, 10, 5
# A queue and its dead letters are two.
PAIRS = QUEUES // 2
# The shipped configuration looks at what is this package's own, by this prefix.
PREFIX = "migration-"
REPETITIONS, SPEED, GOAL = 5, 60.0, 10
WINDOW = timedelta(hours=2)
DASHBOARD = "migration-orchestration"
Line = tuple[str, ...]


@dataclass
class Spent:
    """Seconds and commands of one section of the runbook."""

    commands: int = 0
    seconds: float = 0.0


@dataclass
class Shell:
    """The AWS CLI in an environment of its own, as a person at a terminal has it."""

    program: Path
    variables: dict[str, str]
    spent: dict[str, Spent] = field(default_factory=dict)

    def run(self, section: str, *line: str) -> Any:
        """One ``aws`` command, its output as a document.

        :raises RuntimeError: the command failed: a line that does nothing would be no comparison.
        """
        # Version 1 asks queue.amazonaws.com whatever AWS_ENDPOINT_URL says, unless the line has the option.
        command = [str(self.program), *line, "--endpoint-url", self.variables["AWS_ENDPOINT_URL"], "--output", "json"]
        began = time.perf_counter()
        done = subprocess.run(command, env=self.variables, capture_output=True, text=True)
        spent = self.spent.setdefault(section, Spent())
        spent.commands += 1
        spent.seconds += time.perf_counter() - began
        if done.returncode:
            raise RuntimeError(f"aws {' '.join(line[:3])}: {done.stderr.strip()[-300:]}")
        return json.loads(done.stdout or "{}")


def seed(account: Account) -> None:
    """The functions with logs and metrics, the queues, state machines with a failed execution each, and alarms."""
    made = Operations(make=lambda name: resources.client(name, account.environment), control=account.control)
    for number in range(FUNCTIONS):
        make_function(made, f"{PREFIX}function-{number:02d}")
        write_lines(made, f"/aws/lambda/{PREFIX}function-{number:02d}", CALM_LINES)
    for number in range(PAIRS):
        queue_with_dead_letters(made, f"{PREFIX}queue-{number}")
    for number in range(STATE_MACHINES):
        machine = make_state_machine(made, f"{PREFIX}workflow-{number}")
        make_execution(made, machine, "failed", status="FAILED", ended_minutes_ago=9, error="States.TaskFailed")
    cloudwatch.seed(made)


def look(account: Account) -> list[Finding]:
    """The whole chapter: every reader one after the other, every check; as after a worker's start, clients again."""
    reader = AwsReader(
        make_client=lambda name: resources.client(name, account.environment),
        config=read_config(),
        settings=read_settings(dict(account.environment)),
        now=datetime.now(UTC),
        window=WINDOW,
        airflow=OwnAirflow().get,
    )
    estate = Snapshot({name: read_with(name, reader) for name in CHAPTERS[HEALTH].readers})
    return [one for check in CHAPTERS[HEALTH].checks for one in check.run(estate, reader.config.thresholds)]


def names(account: Account) -> tuple[list[str], list[str]]:
    """What the lines call <SQS_QUEUE_URL> and <STATE_MACHINE_ARN>: whoever runs them knows these."""
    urls = resources.client("sqs", account.environment).list_queues(QueueNamePrefix=f"{PREFIX}queue-")["QueueUrls"]
    machines = resources.client("stepfunctions", account.environment).list_state_machines()["stateMachines"]
    return urls, [one["stateMachineArn"] for one in machines]


def by_hand(shell: Shell, account: Account, urls: list[str], machines: list[str]) -> None:
    """The runbook's lines for the same resources, each changed only as far as it must be to run at all."""
    for section, line in _lines(account, urls, datetime.now(UTC)):
        shell.run(section, *line)
    for machine in machines:
        _executions(shell, machine)


def _lines(account: Account, urls: list[str], now: datetime) -> Iterator[tuple[str, Line]]:
    health, queues = "1. Health Check", "2. Queue Monitoring"
    since = now - WINDOW
    yield health, ("cloudwatch", "get-dashboard", "--dashboard-name", DASHBOARD)
    for number in range(FUNCTIONS):
        group = ("logs", "filter-log-events", "--log-group-name", f"/aws/lambda/{PREFIX}function-{number:02d}")
        yield health, (*group, "--start-time", f"{since.timestamp():.0f}000", "--filter-pattern", "ERROR")
    for url in urls:
        if url.endswith("-dlq"):
            yield health, ("sqs", "receive-message", "--queue-url", url, "--max-number-of-messages", "10")
    suffixes = ("", "NotVisible", "Delayed")
    for url in urls:
        wanted = [f"ApproximateNumberOfMessages{suffix}" for suffix in suffixes]
        yield queues, ("sqs", "get-queue-attributes", "--queue-url", url, "--attribute-names", *wanted)
    values = '{":status":{"S":"MIGRATION_IN_PROGRESS"}}'
    scan = ("dynamodb", "scan", "--table-name", account.environment["MIGRATION_OPS_TABLE_NAME"])
    which = ("--filter-expression", "#s = :status", "--expression-attribute-names", '{"#s":"status"}')
    yield "4. Migration Status", (*scan, *which, "--expression-attribute-values", values)
    span = ("--start-time", since.isoformat(), "--end-time", now.isoformat(), "--period", "300", "--statistics", "Sum")
    for number in range(FUNCTIONS):
        for metric in ("Errors", "Invocations"):
            of = ("--dimensions", f"Name=FunctionName,Value={PREFIX}function-{number:02d}")
            line = ("cloudwatch", "get-metric-statistics", "--namespace", "AWS/Lambda", "--metric-name", metric)
            yield "Key Metrics: Lambda error rate", (*line, *of, *span)
    yield "Key Metrics: alarms", ("cloudwatch", "describe-alarms", "--state-value", "ALARM")


def _executions(shell: Shell, machine: str) -> None:
    section = "3. Step Functions Execution Monitoring"
    listing = ("--state-machine-arn", machine, "--status-filter", "FAILED", "--max-items", "10")
    for one in shell.run(section, "stepfunctions", "list-executions", *listing)["executions"]:
        for operation in ("describe-execution", "get-execution-history"):
            shell.run(section, "stepfunctions", operation, "--execution-arn", one["executionArn"])


def install_cli(folder: Path) -> Path:
    """The package ``awscli`` alone in an environment of its own; the path of ``aws``."""
    venv.create(folder, with_pip=True)
    subprocess.run(
        [str(folder / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "awscli"],
        check=True,
        stdout=sys.stderr,
    )
    return folder / "bin" / "aws"


def shell_of(account: Account, folder: Path) -> Shell:
    """Without the developer's own profile, pager or Python."""
    program = install_cli(folder / "cli")
    aws = {name: value for name, value in account.environment.items() if name.startswith("AWS_")}
    own = {"PATH": os.defpath, "HOME": str(folder), "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true"}
    return Shell(program, {**own, **aws})


def measure(account: Account, folder: Path) -> tuple[list[float], list[Finding], int, Shell, int]:
    """Seconds of each look, its findings and calls; the commands' sections and calls."""
    seconds = []
    for _ in range(REPETITIONS):
        account.control.reset_calls()
        began = time.perf_counter()
        findings = look(account)
        seconds.append(time.perf_counter() - began)
    calls = account.calls().total()
    shell = shell_of(account, folder)
    urls, machines = names(account)
    account.control.reset_calls()
    by_hand(shell, account, urls, machines)
    return seconds, findings, calls, shell, account.calls().total()


def report() -> str:
    """The table."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-health-") as folder,
        fresh_account(SPEED) as account,
        environment(dict(account.environment)),
    ):
        seed(account)
        seconds, findings, calls, shell, cli_calls = measure(account, Path(folder))
        version = subprocess.run([str(shell.program), "--version"], capture_output=True, text=True)
    return _text(seconds, findings, calls, shell, cli_calls, version.stdout.split()[0])


def _text(seconds: list[float], findings: list[Finding], calls: int, shell: Shell, cli_calls: int, cli: str) -> str:
    middle = sorted(seconds)[len(seconds) // 2]
    total = Spent(sum(one.commands for one in shell.spent.values()), sum(one.seconds for one in shell.spent.values()))
    daily = sum(one.seconds for name, one in shell.spent.items() if not name.startswith("Key Metrics"))
    rows = [
        (f"this package, median of {REPETITIONS}", "-", middle, calls),
        ("this package, the first one (service models are read)", "-", seconds[0], calls),
        ("the runbook's lines, all", total.commands, total.seconds, cli_calls),
        *((f"– {name}", one.commands, one.seconds, "") for name, one in sorted(shell.spent.items())),
    ]
    verdicts = ", ".join(f"{name} {number}" for name, number in Counter(one.verdict for one in findings).items())
    return "\n\n".join(
        (
            f"## (e) Health check: {FUNCTIONS} functions, {QUEUES} queues (half of them dead letters), "
            f"{STATE_MACHINES} state machines",
            table(("", "commands", "seconds", "AWS calls"), rows),
            f"{total.seconds / middle:.0f} times faster (goal: {GOAL}); against the lines of Daily Operations alone "
            f"{daily / middle:.0f} times. Its {len(findings)} findings of "
            f"{len(CHAPTERS[HEALTH].check_ids)} checks ({verdicts}) "
            "also judge what the lines only print: throttles, age, dead letters, executions that timed out, were "
            "aborted or are stuck, rules, alarms, replication.",
            f"How: the package reads and judges the chapter `health` in one process, one reader after the other, with "
            f"new clients each time; a DAG run adds Airflow's own time to start tasks. The lines are run one after the "
            f"other by {cli} from its own environment, each a process of its own; changed only as far as they must be "
            "to run: one log group a function, times and dimensions where the API requires them. The sandbox is in the "
            "package's process, so that it competes with the package for the interpreter and not with the lines.",
        )
    )
