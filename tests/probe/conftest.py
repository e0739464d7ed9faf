"""Fixtures of the probe's tests: an echo server, a broker, certificates."""

import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

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


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who signs the certificates of these tests."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The authority's certificate as ``--cacert`` wants it."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """A server's TLS settings with a certificate for ``localhost``."""
    return serving.server_context(authority.issue_cert("localhost"))
