"""A throw-away certificate authority and the server certificate for ``localhost`` it signed."""

import ssl
from pathlib import Path

import trustme

from tests.servers.nginx import Certificate


def issue(directory: Path) -> Certificate:
    """Writes a CA and a certificate for ``localhost`` and 127.0.0.1 into ``directory``."""
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost", "127.0.0.1")
    certificate = Certificate(directory / "chain.pem", directory / "key.pem", directory / "ca.pem")
    authority.cert_pem.write_to_path(str(certificate.ca))
    leaf.private_key_pem.write_to_path(str(certificate.key))
    for blob in leaf.cert_chain_pems:
        blob.write_to_path(str(certificate.chain), append=True)
    return certificate


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """The TLS settings of a server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    return context
