"""Reads our own Airflow through its REST API: tasks of Airflow 3 have no access to its database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from migration_ops.errors import Unknown
from migration_ops.mgn.faults import Unreachable

TIMEOUT_SECONDS = 15


def airflow_get(conn_id: str, path: str, query: Mapping[str, Any]) -> Any:
    """
    One GET below ``/api/v2``.

    The connection's login and password get a token; without a login the server is asked for one, which it gives
    where everybody is an administrator.

    :raises Unknown: there is no such connection, or the answer is no document.
    :raises Unreachable: no answer, or a server's error.
    """
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise Unknown(f"there is no connection {conn_id}: our own Airflow cannot be asked", path=conn_id) from error
    with requests.Session() as session:
        session.trust_env = False
        try:
            base = (connection.host or "").rstrip("/")
            answer = session.get(
                f"{base}/api/v2{path}",
                params=dict(query),
                headers={"Authorization": f"Bearer {_token(session, base, connection)}"},
                timeout=TIMEOUT_SECONDS,
            )
            answer.raise_for_status()
            return answer.json()
        except requests.HTTPError as error:
            raise Unreachable(f"Airflow answered {error.response.status_code} to {path}") from error
        except (requests.RequestException, ValueError) as error:
            raise Unreachable(f"Airflow did not answer {path}: {type(error).__name__}") from error


def _token(session: requests.Session, base: str, connection: Any) -> str:
    url = f"{base}/auth/token"
    if connection.login:
        body = {"username": connection.login, "password": connection.password}
        answer = session.post(url, json=body, timeout=TIMEOUT_SECONDS)
    else:
        answer = session.get(url, timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    return str(answer.json()["access_token"])
