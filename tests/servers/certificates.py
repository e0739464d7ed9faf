"""A throw-away certificate authority and the server certificate for ``localhost`` it signed; and hostile ones."""

import datetime
import ssl
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.servers.nginx import Certificate


def issue(
    directory: Path,
    *names: str,
    not_before: datetime.datetime | None = None,
    not_after: datetime.datetime | None = None,
) -> Certificate:
    """Writes a CA and a certificate for ``localhost`` and 127.0.0.1, or for ``names``, into ``directory``."""
    authority = trustme.CA()
    leaf = authority.issue_cert(*(names or ("localhost", "127.0.0.1")), not_before=not_before, not_after=not_after)
    certificate = Certificate(directory / "chain.pem", directory / "key.pem", directory / "ca.pem")
    authority.cert_pem.write_to_path(str(certificate.ca))
    leaf.private_key_pem.write_to_path(str(certificate.key))
    for blob in leaf.cert_chain_pems:
        blob.write_to_path(str(certificate.chain), append=True)
    return certificate


def issue_client(directory: Path) -> Certificate:
    """Writes a CA and a certificate it signed for a client, ``anna``, into ``directory``."""
    authority = trustme.CA()
    leaf = authority.issue_cert("anna@ground.example", common_name="anna")
    certificate = Certificate(directory / "client.pem", directory / "client-key.pem", directory / "client-ca.pem")
    authority.cert_pem.write_to_path(str(certificate.ca))
    leaf.private_key_pem.write_to_path(str(certificate.key))
    leaf.cert_chain_pems[0].write_to_path(str(certificate.chain))
    return certificate


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """The TLS settings of a server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


def hostile(directory: Path, text: str, *, broken: bool = False) -> Certificate:
    """Writes a certificate for ``localhost`` that nobody signed and whose every name is ``text``.

    Args:
        directory: where to.
        text: its subject's, its issuer's and one of its alternative names, there without what is no ASCII.
        broken: one extension stands there twice, which OpenSSL does not mind (RFC 5280 §4.2 does).
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    names = [x509.DNSName("localhost"), x509.DNSName("".join(char for char in text if char.isascii()))]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), critical=False)
        .add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.5"), b"\x05\x00"), critical=False)
        .sign(key, hashes.SHA256())
    )
    der = signed.public_bytes(Encoding.DER)
    if broken:
        der = der.replace(b"\x2a\x03\x05", b"\x2a\x03\x04")
    certificate = Certificate(directory / "chain.pem", directory / "key.pem", directory / "chain.pem")
    certificate.chain.write_text(ssl.DER_cert_to_PEM_cert(der))
    certificate.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate
