"""GET of our own Airflow's REST API, with all pages of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError

# The default of [api] maximum_page_limit; a server with a lower limit returns fewer.
PAGE = 100


def pages(reader: AwsReader, path: str, key: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
    """
    The entries of all pages. A list that changes while it is read may hide an entry, so there must be as many as
    ``total_entries`` says.

    :raises UnknownError: there are fewer, or Airflow cannot be asked.
    """
    found: list[dict[str, Any]] = []
    while True:
        page = get(reader, path, {**query, "limit": PAGE, "offset": len(found)})
        found += page[key]
        total = page["total_entries"]
        if not isinstance(total, int):
            raise UnknownError("Airflow does not say how many there are", path=path)
        if len(found) >= total:
            return found
        if not page[key]:
            raise UnknownError(f"Airflow's list changed while it was read: {len(found)} of {total}", path=path)


def get(reader: AwsReader, path: str, query: Mapping[str, Any]) -> Mapping[str, Any]:
    """One GET.

    :raises UnknownError: Airflow cannot be asked, or its answer is no document.
    """
    if reader.airflow is None:
        raise UnknownError("our own Airflow is not within reach of this reader", path=path)
    answer = reader.airflow(path, query)
    if not isinstance(answer, Mapping):
        raise UnknownError("Airflow's answer is no document", path=path)
    return answer
