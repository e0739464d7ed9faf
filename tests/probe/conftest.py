"""Fixtures of the probe's tests: certificates."""

import ssl

import pytest
import trustme

from tests import serving


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
