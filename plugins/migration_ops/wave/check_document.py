"""The SSM document in which the commands of an ``ssm`` check run on a launched instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_ops.aws.errors import SDK_ERRORS
from migration_ops.aws.managed_nodes import managed_nodes
from migration_ops.core.errors import BlockedError, UnknownError
from migration_ops.wave.command_targets import is_allowed
from migration_ops.wave.conf.parts import DOCUMENT_BY_PLATFORM
from migration_ops.wave.services import Services


def document_of_check(services: Services, spec: Mapping[str, Any], instance_id: str, by_ec2: str) -> str:
    """The document that the check names, else that of the instance's platform.

    :param by_ec2: the platform in EC2's words (``Windows with SQL Server``, ``Red Hat Enterprise Linux``).
    :raises BlockedError: the installation does not allow it.
    :raises UnknownError: neither SSM nor EC2 says the platform.
    """
    name = str(spec.get("documentName") or "") or DOCUMENT_BY_PLATFORM[_platform(services, instance_id, by_ec2)]
    if not is_allowed(services.settings, name):
        raise BlockedError("this installation does not allow the document (MIGRATION_OPS_SSM_DOCUMENTS)", document=name)
    return name


def _platform(services: Services, instance_id: str, by_ec2: str) -> str:
    """Where EC2 does not say Windows, SSM is asked: an image of a Windows disk need not be billed as Windows."""
    if by_ec2.lower().startswith("windows"):
        return "Windows"
    try:
        node = managed_nodes(services.client("ssm"), [instance_id]).get(instance_id)
    except SDK_ERRORS:
        # Not read: SendCommand refuses a document that does not fit the platform.
        node = None
    if node is not None and node.platform in DOCUMENT_BY_PLATFORM:
        return str(node.platform)
    if node is None and by_ec2:
        # SSM does not list it (yet). SendCommand fails then, and is tried again.
        return "Linux"
    raise UnknownError("neither SSM nor EC2 says the platform of the instance", instanceId=instance_id)
