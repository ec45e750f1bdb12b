"""Which nodes get the commands of a conf, and in which document: read from MGN and SSM, also right before sending."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from migration_ops.aws.command_documents import CommandDocument, describe_document
from migration_ops.aws.errors import attempt
from migration_ops.aws.managed_nodes import ManagedNode, managed_nodes
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import MigrationError
from migration_ops.core.policy import Policy
from migration_ops.core.settings import Settings
from migration_ops.core.verdict import Fact, GateResult, Verdict, blocked, combine, unknown
from migration_ops.wave.conf.parts import QuiesceConf
from migration_ops.wave.rules.source_node import CHECK, judge_node, platform_of
from migration_ops.wave.services import Services

DOCUMENT_CHECK = "command document"


@dataclass(frozen=True)
class Target:
    """A source server's node that was proven to be it.

    :param platform: ``Linux`` or ``Windows``.
    :param is_limited: whether the document takes a limit of its execution time.
    """

    server_id: str
    instance_id: str
    platform: str
    document: str
    is_limited: bool = False


@dataclass(frozen=True)
class Targets:
    """The nodes that commands may be sent to, and all checks; what is not ``proven`` has a reason in ``results``.

    :param unread: a retryable error of one of the reads.
    """

    proven: dict[str, Target]
    results: list[GateResult]
    unread: MigrationError | None = None

    @property
    def reasons(self) -> dict[str, str]:
        """Why something may not be sent, by server or document."""
        return {one.subject: f"{one.verdict}: {one.reason}" for one in self.results if one.verdict is not Verdict.OK}


Chooses = Callable[[str, str], str]


def targets_of_conf(
    services: Services, spec: QuiesceConf, server_ids: Iterable[str], views: Mapping[str, ServerView] | None = None
) -> Targets:
    """The targets that the conf names, each with the document of its platform.

    :param views: what MGN says of the servers; None reads it.
    """
    named = {one: spec.instance_ids[one] for one in server_ids if one in spec.instance_ids}
    return ask_targets(services, named, spec.document_for, views)


def ask_targets(
    services: Services, named: Mapping[str, str], document_for: Chooses, views: Mapping[str, ServerView] | None = None
) -> Targets:
    """Asks MGN and SSM about the nodes and their documents. What cannot be read is UNKNOWN in ``results``, not raised.

    :param named: managed instance id by source server id.
    :param document_for: the document's name by source server id and platform.
    """
    ssm, servers = services.client("ssm"), list(named)
    seen = views if views is not None else attempt(lambda: services.mgn.describe_servers(servers))
    nodes = attempt(lambda: managed_nodes(ssm, named.values()))
    results = [_node_result(server, named[server], seen, nodes) for server in servers]
    if isinstance(seen, MigrationError) or isinstance(nodes, MigrationError):
        return Targets({}, results, _may_pass(seen, nodes))
    targets: dict[str, Target] = {}
    platforms: dict[str, set[str]] = {}
    for server, instance in named.items():
        platform = platform_of(seen.get(server), nodes.get(instance))
        if platform:
            targets[server] = Target(server, instance, platform, document_for(server, platform))
            platforms.setdefault(targets[server].document, set()).add(platform)
    documents = {name: ask_document(services, name, of) for name, of in sorted(platforms.items())}
    proven = _proven(targets, results, documents)
    unread = _may_pass(*(found for _, found in documents.values()))
    return Targets(proven, [*results, *(result for result, _ in documents.values())], unread)


def _may_pass(*found: object) -> MigrationError | None:
    return next((one for one in found if isinstance(one, MigrationError) and one.retryable), None)


def _proven(
    targets: dict[str, Target],
    results: list[GateResult],
    documents: Mapping[str, tuple[GateResult, CommandDocument | MigrationError | None]],
) -> dict[str, Target]:
    good: dict[str, Target] = {}
    for result in results:
        target = targets.get(result.subject)
        if target is None or result.verdict is not Verdict.OK:
            continue
        judged, document = documents[target.document]
        if judged.verdict is Verdict.OK and isinstance(document, CommandDocument):
            limited = document.takes_execution_timeout
            good[target.server_id] = Target(
                target.server_id, target.instance_id, target.platform, target.document, limited
            )
    return good


def _node_result(
    server: str,
    instance: str,
    views: Mapping[str, ServerView] | MigrationError,
    nodes: Mapping[str, ManagedNode] | MigrationError,
) -> GateResult:
    for read in (views, nodes):
        if isinstance(read, MigrationError):
            return GateResult(CHECK, server, Verdict.UNKNOWN, {"instanceId": instance}, reason=str(read))
    assert not isinstance(views, MigrationError)
    assert not isinstance(nodes, MigrationError)
    return judge_node(server, instance, views.get(server), nodes.get(instance))


def ask_document(
    services: Services, name: str, platforms: Iterable[str] = ()
) -> tuple[GateResult, CommandDocument | MigrationError | None]:
    """Whether commands may be sent in the document; with SSM's description of it, or the error of that read.

    :param platforms: the platforms on which it must run.
    """
    if not is_allowed(services.settings, name):
        why = f"this installation allows {services.settings.ssm_documents} (MIGRATION_OPS_SSM_DOCUMENTS)"
        return GateResult(DOCUMENT_CHECK, name, Verdict.BLOCKED, None, "allowed", why), None
    read = attempt(lambda: [describe_document(services.client("ssm"), name)])
    if isinstance(read, MigrationError):
        return GateResult(DOCUMENT_CHECK, name, Verdict.UNKNOWN, None, "exists", str(read)), read
    [document] = read
    facts = list(_document_facts(document, sorted(platforms)))
    value = sorted(document.platforms or ()) if document else None
    ok = "exists and takes commands"
    return combine(DOCUMENT_CHECK, name, facts, value=value, limit="takes commands", ok=ok), document


def is_allowed(settings: Settings, name: str) -> bool:
    """
    Whether the installation lets commands be sent in this document (``ssm_documents``).

    :raises InstallationError: a setting has a value that is not allowed.
    """
    return Policy.of(settings).allows_document(name)


def _document_facts(document: CommandDocument | None, platforms: list[str]) -> Iterator[Fact]:
    if document is None:
        yield blocked("SSM knows no document of this name in this account and Region")
        return
    if document.kind is None or document.status is None or document.parameters is None or document.platforms is None:
        yield unknown("SSM does not say its type, status, parameters and platforms")
    if document.kind not in (None, "Command"):
        yield blocked(f"it is a document of type {document.kind}, not Command")
    if document.status not in (None, "Active"):
        yield blocked(f"its status is {document.status}")
    if document.parameters is not None and "commands" not in document.parameters:
        yield blocked("it takes no parameter commands")
    lacking = [one for one in platforms if document.platforms is not None and one not in document.platforms]
    if lacking:
        yield blocked(f"it does not run on {', '.join(lacking)}")
