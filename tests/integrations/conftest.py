"""Fixtures: a CMF API and a callback receiver of the sandbox, served on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from include.sandbox.callback.app import create_app as create_receiver
from include.sandbox.cmf.app import create_app as create_cmf
from include.sandbox.faults import FaultBook
from tests.integrations.sites import SECRET, CallbackSite, CmfSite, serving


@pytest.fixture
def cmf_site() -> Iterator[Callable[..., CmfSite]]:
    """Serves a CMF API with the given options."""
    with ExitStack() as stack:

        def make(**options: Any) -> CmfSite:
            book = FaultBook()
            app = create_cmf(book, None, {"update_window_seconds": 0.0} | options)
            return CmfSite(app, f"http://127.0.0.1:{stack.enter_context(serving(app))}/prod", book)

        yield make


@pytest.fixture
def callback_site() -> Iterator[CallbackSite]:
    book = FaultBook()
    app = create_receiver(book, None, {"callback_secret": SECRET})
    with serving(app) as port:
        yield CallbackSite(app, port, book)
