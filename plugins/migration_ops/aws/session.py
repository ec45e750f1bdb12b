"""All clients of one Airflow connection from one boto3 session."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import cache, cached_property
from threading import Lock
from typing import Any

import boto3
from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import create_loader

log = logging.getLogger(__name__)

# Creating clients from a boto3 session is not thread-safe; using a client is.
_making = Lock()

# Every botocore session parses the service models again (EC2's takes a tenth of a second), though they do not change.
# This loader keeps them for the process and for all processes forked from it.
_loader = create_loader(os.environ.get("AWS_DATA_PATH"))
SERVICES = (
    "cloudwatch",
    "cognito-idp",
    "dynamodb",
    "ec2",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "mgn",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "sts",
)


@cache
def read_models() -> None:
    """Makes a client of each service in ``SERVICES`` and drops it; nothing is sent.

    Forked task processes inherit what botocore reads, imports and computes the first time. They load the plugins again,
    because the task SDK has its own plugin list; the cache makes the second call do nothing. Best effort: where this
    fails (``AWS_PROFILE`` names no profile), connections may still work.
    """
    try:
        # With credentials given, botocore does not search for any (files, instance metadata).
        session: Any = boto3.session.Session("none", "none", region_name="us-east-1")
        session._session.register_component("data_loader", _loader)
        for service in SERVICES:
            session.client(service)
    except (BotoCoreError, ValueError) as error:
        log.warning("the AWS service models were not read beforehand: %s", error)


def clients_in(region: str) -> Callable[[str], Any]:
    """Makes boto3 clients by service name, with the environment's credentials: for code without an AWS connection."""
    session: Any = boto3.session.Session(region_name=region)
    make: Callable[[str], Any] = session.client
    return make


class SessionHook(AwsBaseHook):
    """
    An AwsBaseHook that keeps its session and makes clients of any service from it.

    The provider opens a session for every client, and every session reads botocore's endpoints and service models
    again: a fifth of a second of processor time each, in every task and after every deferral.
    """

    @cached_property
    def _session(self) -> boto3.session.Session:
        session = super().get_session(region_name=self.region_name)
        session._session.register_component("data_loader", _loader)
        return session

    def get_session(self, region_name: str | None = None, deferrable: bool = False) -> Any:
        if deferrable or region_name not in (None, self.region_name):
            return super().get_session(region_name=region_name, deferrable=deferrable)
        return self._session

    def _get_caller(self, target_function_name: str = "execute") -> str:
        """The caller's name in the user agent, which CloudTrail shows.

        The provider searches the stack for the operator's class, which takes as long in a new process as everything
        else here together.
        """
        return "MigrationOps"

    def client_of(self, service: str, config: Config, firm: Config | None = None) -> Any:
        """
        A new boto3 client with the connection's role, endpoint for this service, Region and certificates.

        :param config: defaults, which the connection's ``config_kwargs`` override.
        :param firm: options that override ``config_kwargs``.
        """
        endpoint = self.conn_config.get_service_endpoint_url(service_name=service)
        config = self._get_config(config.merge(self.config).merge(firm or Config()))
        with _making:
            return self.get_session().client(service, endpoint_url=endpoint, config=config, verify=self.verify)
