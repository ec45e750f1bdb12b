"""(a) AWS calls of a whole wave, beside Cloud Migration Factory on AWS."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

from tests.benchmarks.account import NEIGHBOURS, Account, Calls, environment, fresh_account
from tests.benchmarks.driver import EAGER, Run
from tests.benchmarks.report import table

APPLICATIONS, SERVERS_EACH = 10, 10
SPEED = 3000.0
GOAL = 420
# On the same work: 100 servers, 10 applications, from validation to finalize. Measured once by the authors, apart
# from this program, which does not run that product.
CMF_VERSION, CMF_CALLS = "4.5.1", 6_146
# What a migration asks of AWS and does there; the rest is what the package writes down and tells.
ON_SERVERS = frozenset({"mgn", "ec2", "sts", "ssm"})
ONE_SERVER_A_CALL = ("GetLaunchConfiguration", "ChangeServerLifeCycleState", "FinalizeCutover")


class Tally:
    """Counts the calls of waits apart from the calls of work, and what each task cost; for a run that is serial."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._seen = account.calls()
        self.work: Calls = Counter()
        self.polls: Calls = Counter()
        self.by_task: dict[str, Calls] = {}

    def watch(self, task_id: str, begins: bool) -> None:
        """Called at both ends of a wait."""
        new = self._new()
        if begins:
            self._spend(task_id, new)
        else:
            self.polls += new

    def done(self, task_id: str) -> None:
        """Called at the end of a task."""
        self._spend(task_id, self._new())

    def _spend(self, task_id: str, new: Calls) -> None:
        self.work += new
        self.by_task[task_id] = self.by_task.get(task_id, Counter()) + new

    def _new(self) -> Calls:
        now = self._account.calls()
        new = now - self._seen
        self._seen = now
        return new


def measure() -> tuple[Tally, Run]:
    """One wave of 100 servers, an application at a time."""
    with fresh_account(SPEED) as account, environment({**account.environment, **EAGER}):
        applications = account.applications(APPLICATIONS, SERVERS_EACH)
        applications[1]["dependsOn"] = [applications[0]["appName"]]
        account.control.reset_calls()
        tally = Tally(account)
        run = Run(account.conf("bench-calls", applications), "bench-calls", True, tally.watch, tally.done)
        asyncio.run(run.whole())
        return tally, run


def report() -> str:
    """The tables."""
    tally, run = measure()
    aws = _aws(tally.work)
    neighbours = tally.work - aws
    servers = APPLICATIONS * SERVERS_EACH
    total = aws.total()
    on_servers = sum(number for (service, _), number in aws.items() if service in ON_SERVERS)
    single = sum(aws["mgn", operation] for operation in ONE_SERVER_A_CALL)
    parts = [
        f"## (a) AWS calls of a wave: {servers} servers in {APPLICATIONS} applications, validate → finalize",
        table(
            ("", "AWS calls", "per server"),
            [
                ("this package, waiting polls apart: the servers (MGN, EC2, STS)", on_servers, on_servers / servers),
                (
                    "this package: its own books (ledger, evidence, logs, metrics, events, the CMDB's login)",
                    total - on_servers,
                    (total - on_servers) / servers,
                ),
                ("this package, all", total, total / servers),
                (f"Cloud Migration Factory on AWS {CMF_VERSION} (measured elsewhere)", CMF_CALLS, CMF_CALLS / servers),
                ("goal", GOAL, GOAL / servers),
                (
                    "of this package's: by API one server a call, so that no client can need fewer",
                    single,
                    single / servers,
                ),
            ],
        ),
        f"{CMF_CALLS / total:.1f} times fewer in all, {CMF_CALLS / on_servers:.1f} times on the servers; whether the "
        "other product's own books were counted is not on record. Not in the numbers: "
        f"{_aws(tally.polls).total()} AWS calls by waits "
        f"({_names(_aws(tally.polls))}; how many depends on how long AWS takes), "
        f"{neighbours.total()} requests to neighbours that are not AWS ({_names(neighbours)}).",
        "### Per operation",
        table(("Service", "Operation", "Calls", "per server"), _operations(aws, servers)),
        "### Per task",
        table(("Task", "Instances × calls", "AWS calls", "What"), _tasks(tally, run)),
        "Counted: every HTTP request that reached the sandbox with an AWS signature "
        "(retries and the pages of lists are calls of their own), from the first line of `plan` to the last of "
        "`report`: MGN, EC2, STS, DynamoDB, S3 "
        "evidence, CloudWatch metrics, EventBridge, CloudWatch Logs, Secrets Manager and Cognito for the CMDB's login. "
        "How: the package's own operators, services built again for every stint of every task as on a worker, an "
        f"application at a time so that waits can be told apart; {run.tasks} task instances, "
        f"{run.deferrals.total()} deferrals; no application checks, quiesce or change calendar in the conf; sandbox at "
        f"{SPEED:g} times real time.",
    ]
    return "\n\n".join(parts)


def _aws(calls: Calls) -> Calls:
    return Counter({key: number for key, number in calls.items() if key[0] not in NEIGHBOURS})


def _names(calls: Calls) -> str:
    return ", ".join(f"{operation} {number}" for (_, operation), number in calls.most_common())


def _operations(calls: Calls, servers: int) -> Iterator[tuple[str, str, int, float]]:
    for (service, operation), number in calls.most_common():
        yield service, operation, number, number / servers


def _tasks(tally: Tally, run: Run) -> Iterator[tuple[str, str, int, str]]:
    for task_id, calls in tally.by_task.items():
        aws = _aws(calls)
        if aws:
            instances = APPLICATIONS if "." in task_id else 1
            yield task_id, f"{instances} × {aws.total() / instances:g}", aws.total(), _names(aws)
