"""Builds a step's services from Airflow: connections, hooks, the run of the task."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any

import requests
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.types import RuntimeTaskInstanceProtocol

from migration_ops.aws.errors import UnreachableError
from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.core.errors import InvalidInputError, MigrationError, UnknownError
from migration_ops.core.policy import Policy, PolicyError, matches
from migration_ops.core.settings import Settings, read_settings
from migration_ops.integrations.callback import client as callback
from migration_ops.integrations.callback.egress import check_url
from migration_ops.integrations.callback.receivers import read_receivers
from migration_ops.integrations.cmdb import cmf
from migration_ops.integrations.cmdb.protocol import Cmdb
from migration_ops.integrations.telemetry.telemetry import Telemetry
from migration_ops.ledger.anchor_store import AnchorStore
from migration_ops.ledger.anchors import Anchor, heads_of, scope_of_wave
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.table import Table
from migration_ops.operators.run_identity import holder_of, run_ended
from migration_ops.wave.services import Services

log = logging.getLogger(__name__)


def require_connection(aws_conn_id: str) -> None:
    """Called first by every task that uses AWS, because the conf of a run chooses the connection.

    Without the connection the provider would fall back to the credentials that boto3 finds on the worker, possibly of
    another account. A connection of another type would send its login and password to AWS, or to its endpoint.

    :raises PolicyError: the installation does not allow it, or it is of another type.
    :raises InvalidInputError: Airflow has no such connection.
    """
    if not matches(str(aws_conn_id), Policy.of(read_settings()).conn_ids):
        raise PolicyError(
            f"the connection {aws_conn_id} may not be used here (MIGRATION_OPS_AWS_CONN_IDS)", path="awsConnId"
        )
    try:
        connection = BaseHook.get_connection(aws_conn_id)
    except AirflowNotFoundException as error:
        raise InvalidInputError(f"Airflow has no connection {aws_conn_id}", path="awsConnId") from error
    if connection.conn_type != "aws":
        raise PolicyError(f"the connection {aws_conn_id} is of type {connection.conn_type}, not aws", path="awsConnId")


def services_for(ti: RuntimeTaskInstanceProtocol, wave: str, aws_conn_id: str, region: str | None) -> Services:
    """Everything a step of this task instance may use; clients are built when first asked for.

    :raises PolicyError, InvalidInputError: the connection may not be used, or there is none.
    """
    require_connection(aws_conn_id)
    settings = read_settings()

    mgn = MgnHook(aws_conn_id=aws_conn_id, region_name=region)
    client = cache(mgn.client_for_reads)
    evidence = (
        EvidenceStore(client, settings.evidence_bucket, settings.evidence_bucket_owner)
        if settings.evidence_bucket
        else None
    )
    stream = re.sub(r"[:*]", "-", f"{ti.dag_id}/{ti.run_id}")
    own = holder_of(ti, wave)
    telemetry = Telemetry(client, settings, log_stream=stream if settings.ship_logs else None)
    return Services(
        settings=settings,
        mgn=mgn,
        ledger=DynamoDbLedger(client("dynamodb"), settings.table_name, evidence=evidence),
        holder=own,
        client=client,
        cmdb=cache(lambda: _cmdb(settings, client)),
        callback=lambda url: _callback(settings, url),
        check_callback_url=lambda url: _check_callback_url(settings, url),
        run_ended=lambda holder: run_ended(ti, own, holder),
        store_evidence=lambda key, document: _store(evidence, key, document),
        anchor=lambda wave, migration_ids: _anchor(settings, client, ti.run_id, wave, migration_ids),
        emit=telemetry.transition,
        flush=telemetry.flush,
    )


def _store(evidence: EvidenceStore | None, key: str, document: dict[str, Any]) -> str | None:
    """The key; None without a bucket or when S3 fails, which is only logged: the document is in XCom and log too."""
    if evidence is None:
        return None
    try:
        return evidence.put(key, document)
    except MigrationError as error:
        log.error("evidence %s was not stored: %s", key, error)
        return None


def _anchor(
    settings: Settings, client: Callable[[str], Any], run_id: str, wave: str, migration_ids: list[str]
) -> str | None:
    """The key; None without a bucket or after an error, which is only logged: the nightly anchors cover these too."""
    store = anchor_store_of(settings, client)
    if store is None or not migration_ids:
        return None
    try:
        heads = heads_of(Table(client("dynamodb"), settings.table_name), migration_ids)
        return store.write(Anchor(settings.table_name, scope_of_wave(wave), "", run_id, heads), datetime.now(UTC))
    except MigrationError as error:
        log.error("the chains of wave %s were not anchored: %s", wave, error)
        return None


def anchor_store_of(settings: Settings, client: Callable[[str], Any]) -> AnchorStore | None:
    """Where chains are anchored; None when the installation names no bucket."""
    if not settings.evidence_bucket:
        return None
    return AnchorStore(
        client,
        settings.evidence_bucket,
        kms_key_id=settings.anchor_kms_key_id,
        retention_days=settings.anchor_retention_days,
        owner=settings.evidence_bucket_owner,
    )


def _cmdb(settings: Settings, client: Callable[[str], Any]) -> Cmdb:
    connection = BaseHook.get_connection(settings.cmdb_conn_id)
    return cmf.from_connection(
        connection.host or "", connection.login, connection.password, connection.extra_dejson, client_factory=client
    )


def _callback(settings: Settings, url: str) -> callback.CallbackClient:
    connection = BaseHook.get_connection(settings.callback_conn_id)
    return callback.from_connection(url, connection.password, connection.extra_dejson)


def _check_callback_url(settings: Settings, url: str) -> Any:
    """The checked URL.

    :raises ForbiddenUrlError: it may not be called.
    :raises NameNotResolvedError: its host has no address now.
    :raises InvalidInputError: the connection is missing, malformed, or has no secret to sign with.
    """
    try:
        connection = BaseHook.get_connection(settings.callback_conn_id)
    except AirflowNotFoundException as error:
        raise InvalidInputError(
            f"a callbackUrl needs the connection {settings.callback_conn_id}", path="callbackUrl"
        ) from error
    receivers = read_receivers(connection.password, connection.extra_dejson)
    receivers.of(url)
    return check_url(url, receivers.hosts)


TIMEOUT_SECONDS = 15
# A redirect would take login and password to another host.
_ONCE: dict[str, Any] = {"timeout": TIMEOUT_SECONDS, "allow_redirects": False}


class AirflowRest:
    """
    The REST API of this Airflow, at the address of a connection; one token for all requests.

    The token is got with the connection's login and password. Without a login the server is asked for one, which it
    gives where everybody is an administrator.
    """

    def __init__(self, conn_id: str) -> None:
        self._conn_id = conn_id

    def get(self, path: str, query: Mapping[str, Any]) -> Any:
        """
        One GET below ``/api/v2``.

        :raises UnknownError: there is no such connection.
        :raises UnreachableError: no answer, an answer that is no 2xx, or no JSON.
        """
        try:
            answer = self._session.get(f"{self._base}/api/v2{path}", params=dict(query), **_ONCE)
            return _document(answer)
        except requests.HTTPError as error:
            raise UnreachableError(f"Airflow answered {error.response.status_code} to {path}") from error
        except (requests.RequestException, ValueError) as error:
            raise UnreachableError(f"Airflow did not answer {path}: {type(error).__name__}") from error

    @cached_property
    def _connection(self) -> Any:
        try:
            return BaseHook.get_connection(self._conn_id)
        except AirflowNotFoundException as error:
            raise UnknownError(
                f"there is no connection {self._conn_id}: our own Airflow cannot be asked", path=self._conn_id
            ) from error

    @property
    def _base(self) -> str:
        return (self._connection.host or "").rstrip("/")

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        url = f"{self._base}/auth/token"
        if self._connection.login:
            body = {"username": self._connection.login, "password": self._connection.password}
            answer = session.post(url, json=body, **_ONCE)
        else:
            answer = session.get(url, **_ONCE)
        session.headers["Authorization"] = f"Bearer {_document(answer)['access_token']}"
        return session


def _document(answer: requests.Response) -> Any:
    """The JSON of an answer.

    :raises requests.HTTPError: it is no 2xx.
    :raises ValueError: it is no JSON.
    """
    answer.raise_for_status()
    if answer.is_redirect:
        raise requests.HTTPError("a redirect, which is never followed", response=answer)
    return answer.json()
