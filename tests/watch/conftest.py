"""Fixtures of the tests of ``watch``: an echo server, a broker."""

from collections.abc import AsyncIterator

import pytest

from tests import serving


@pytest.fixture
async def echo() -> AsyncIterator[str]:
    """The ``ws:`` URL of a server that says back every message."""
    async with serving.serving(serving.echo) as url:
        yield url


@pytest.fixture
async def broker() -> AsyncIterator[str]:
    """The ``stomp+ws:`` URL of a patient broker that beats every second."""
    async with serving.brokering() as url:
        yield url
