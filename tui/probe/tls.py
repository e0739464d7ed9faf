"""TLS over ``ssl.MemoryBIO``: the handshake, close_notify, alerts and TCP's own end are facts of their own.

A read that ends with ``b""`` met a close_notify; ``SSLEOFError`` is a truncation (RFC 8446 §6.1). Alert numbers come
from the context's message callback, the only place the library shows them.
"""

import contextlib
import hashlib
import ssl
from collections.abc import Callable
from typing import Any

from cryptography import x509

from tui.facts.facts import Alert, Certificate

_ALERT, _HANDSHAKE = 21, 22  # RFC 8446 §5.1, ContentType
_CERTIFICATE_REQUEST = 13  # RFC 8446 §4, HandshakeType

KEPT = 4096
"""Bytes kept of an answer that is no TLS."""

_RECORD_HEAD = 5
"""Bytes of type, version and length in front of each record (RFC 8446 §5.1)."""

ALERTS = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed",
    22: "record_overflow", 30: "decompression_failure", 40: "handshake_failure", 41: "no_certificate",
    42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired",
    46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error",
    51: "decrypt_error", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
    86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation", 109: "missing_extension",
    110: "unsupported_extension", 112: "unrecognized_name", 113: "bad_certificate_status_response",
    115: "unknown_psk_identity", 116: "certificate_required", 120: "no_application_protocol",
}  # fmt: skip
"""RFC 8446 §6 and the registry's older ones."""


class Tls:
    """One connection's TLS state, without a socket.

    Args:
        context: the client's settings; not shared, because its message callback belongs to this connection.
        servername: SNI and the name to verify.
    """

    def __init__(self, context: ssl.SSLContext, servername: str) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._record = bytearray()
        """What came of a record that is not whole."""
        self.alert: Alert | None = None
        """The last alert but close_notify."""
        self.certificate_requested = False
        """The server asked for our certificate (RFC 8446 §4.3.2)."""
        self.foreign = b""
        """The beginning of what came, where it is no TLS."""
        self._first = True
        self.close_notify_in = False
        self.close_notify_out = False
        self.ready = False
        self.truncated = False
        self._eof = False
        context._msg_callback = self._message  # type: ignore[attr-defined]
        self._object = context.wrap_bio(self._in, self._out, server_hostname=servername)

    def _message(self, _: Any, direction: str, __: Any, content: Any, kind: Any, data: bytes) -> None:
        if int(content) == _HANDSHAKE and int(kind) == _CERTIFICATE_REQUEST:
            self.certificate_requested = True
        if int(content) != _ALERT or len(data) < 2:
            return
        number = data[1]
        incoming = direction == "read"
        if number == 0:
            self.close_notify_in |= incoming
            self.close_notify_out |= not incoming
        elif incoming or not self._eof:
            # What the library would say of TCP's end is never flushed: it was on no wire.
            self.alert = Alert(name=ALERTS.get(number, str(number)), number=number, dir="in" if incoming else "out")

    def to_send(self) -> bytes:
        """Ciphertext that waits to go out."""
        return self._out.read()

    def handshake(self) -> None:
        """Goes on with the handshake as far as what came allows.

        Raises:
            ssl.SSLError: it failed; the alert we send about it waits in ``to_send``.
        """
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.ready = True

    def feed(self, data: bytes) -> None:
        """Ciphertext came."""
        if self._first and data:
            self._first = False
            # RFC 8446 §5.1: types 20 to 24, then a version whose first byte is 3.
            if data[0] not in range(20, 25) or data[1:2] not in (b"", b"\x03"):
                self.foreign = data[:KEPT]
        self._in.write(data)
        record = self._record
        record += data
        while len(record) >= _RECORD_HEAD:
            length = _RECORD_HEAD + int.from_bytes(record[3:_RECORD_HEAD])
            if len(record) < length:
                break
            del record[:length]

    def feed_eof(self) -> None:
        """TCP ended."""
        self._eof = True
        self._in.write_eof()

    def read(self) -> bytes:
        """What can be decrypted of what came; empty if nothing can be, or the stream has ended.

        Raises:
            ssl.SSLError: a damaged record, or a fatal alert from the peer.
        """
        pieces: list[bytes] = []
        while True:
            try:
                piece = self._object.read(65536)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                break
            except ssl.SSLEOFError:
                self.truncated = True
                break
            if not piece:
                break
            pieces.append(piece)
        return b"".join(pieces)

    def write(self, data: bytes) -> bytes:
        """``data`` as ciphertext."""
        at = 0
        while at < len(data):
            at += self._object.write(data[at : at + 65536])
        return self._out.read()

    def end(self) -> bytes:
        """Our close_notify."""
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        return self._out.read()

    @property
    def pending(self) -> int:
        """Ciphertext bytes that are no whole record."""
        return len(self._record)

    @property
    def facts(self) -> dict[str, Any]:
        """What the handshake agreed on, for the ``tls`` fact."""
        cipher = self._object.cipher()
        return {
            "version": self._object.version(),
            "cipher": cipher[0] if cipher else None,
            "alpn": self._object.selected_alpn_protocol(),
            "chain": self.chain(),
            "certificate_requested": self.certificate_requested,
        }

    def chain(self) -> list[Certificate]:
        """The certificates the server presented, leaf first, verified or not."""
        inner = getattr(self._object, "_sslobj", None)
        if inner is None:
            return []
        presented = inner.get_unverified_chain() or []
        return [_certificate(ssl.PEM_cert_to_DER_cert(one.public_bytes())) for one in presented]


def _certificate(der: bytes) -> Certificate:
    """What a certificate says; what cannot be read of a malformed one is empty."""
    sha256 = hashlib.sha256(der).hexdigest()
    try:
        parsed = x509.load_der_x509_certificate(der)
    except ValueError:
        return Certificate(subject="", issuer="", names=[], not_before="", not_after="", sha256=sha256)
    return Certificate(
        subject=_readable(lambda: parsed.subject.rfc4514_string()),
        issuer=_readable(lambda: parsed.issuer.rfc4514_string()),
        names=_names(parsed),
        not_before=_readable(lambda: parsed.not_valid_before_utc.isoformat()),
        not_after=_readable(lambda: parsed.not_valid_after_utc.isoformat()),
        sha256=sha256,
    )


def _readable(read: Callable[[], str]) -> str:
    try:
        return read()
    except ValueError:
        return ""


def _names(parsed: x509.Certificate) -> list[str]:
    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return []
    return [str(name.value) for name in names]
