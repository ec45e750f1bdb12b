"""Links from a task to the AWS console, stored when the task runs; they need no plugin registration.

Airflow keeps a link as its name and the XCom key under which the task left the whole URL.
"""

from __future__ import annotations

from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink
from airflow.providers.amazon.aws.links.ec2 import EC2InstanceLink

# A server's or job's own page is the list's path and its id, as in the console of Elastic Disaster Recovery.
MGN_CONSOLE = BASE_AWS_CONSOLE_LINK + "/mgn/home?region={region_name}#"

__all__ = ["EC2InstanceLink", "MgnJobLink", "MgnSourceServerLink", "MgnSourceServersLink"]


class MgnSourceServerLink(BaseAwsLink):
    """Helper class for constructing a link to one MGN source server; persist with ``source_server_id``."""

    name = "MGN Source Server"
    key = "_mgn_source_server"
    format_str = MGN_CONSOLE + "/sourceServers/{source_server_id}"


class MgnSourceServersLink(BaseAwsLink):
    """Helper class for constructing a link to the list of MGN source servers."""

    name = "MGN Source Servers"
    key = "_mgn_source_servers"
    format_str = MGN_CONSOLE + "/sourceServers"


class MgnJobLink(BaseAwsLink):
    """Helper class for constructing a link to an MGN job in the launch history; persist with ``job_id``."""

    name = "MGN Job"
    key = "_mgn_job"
    format_str = MGN_CONSOLE + "/launchHistory/{job_id}"
