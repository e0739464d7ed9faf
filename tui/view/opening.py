"""Why a session never opened, in words, from what came instead: TLS that failed, an HTTP answer that is no 101, another
protocol's bytes. The close card has a section for each (``tui.view.card``).
"""

from datetime import datetime
from typing import Literal

from tui.facts import facts
from tui.facts.findings import Close, Transport
from tui.knowledge import banners, http_status
from tui.view.look import Look
from tui.view.seen import Seen

EXPIRED, NOT_YET_VALID = 10, 9
UNTRUSTED = frozenset({2, 18, 19, 20, 21, 27})
WRONG_NAME = frozenset({62, 64})
"""OpenSSL's X509_V_ERR numbers (``openssl verify``, "DIAGNOSTICS")."""

_PROTOCOL_VERSION, _NO_CERTIFICATE = 70, 116  # RFC 8446 §6

_DAY = 86400

_SHOWN = 60
"""Characters of foreign bytes that are shown."""


def how_key(end: Transport | facts.End) -> str:
    """How a connection ended, as a key of the ``screen`` area: a SockJS session over XHR may be refused after it
    opened."""
    return "how_http_later" if end.how == "http" and end.phase == "open" else f"how_{end.how}"


def sections(seen: Seen, close: Close, look: Look) -> list[tuple[str, str]]:
    """Label and sentence of what stood in the way: of an open session only the status that a later request got."""
    found: list[tuple[str, str]] = []
    if close.transport.phase == "open" and close.transport.how != "http":
        return found
    if close.transport.how == "tls" or close.transport.phase == "tls" or _unanswered(seen, close):
        found.append(("TLS", _tls(seen.handshake, close, look)))
    if seen.answer is not None and "http" in (close.transport.phase, close.transport.how):
        found += [("HTTP" if at == 0 else "", text) for at, text in enumerate(_http(seen.answer, look))]
    return [(label, text) for label, text in found if text]


def _unanswered(seen: Seen, close: Close) -> bool:
    """The server asked for a client certificate and ended the connection instead of an answer: under TLS 1.3 its
    refusal comes after the handshake, and not every server gets its alert out."""
    asked = seen.handshake is not None and seen.handshake.certificate_requested
    return asked and close.age is None and seen.answer is None and close.transport.how in ("fin", "reset")


def _tls(fact: facts.Tls | None, close: Close, look: Look) -> str:
    alert = close.transport.alert
    incoming = alert is not None and alert.dir == "in"
    if fact is None:
        return look.say("opening.tls_silent") if close.transport.how in ("fin", "reset") else ""
    if fact.raw is not None:
        return _foreign("tls", fact.raw, look)
    if not fact.ok and fact.verify_code is not None:
        return _unverified(fact, look)
    if fact.certificate_requested or (alert is not None and alert.number == _NO_CERTIFICATE):
        return look.say("opening.tls_client_certificate")
    if (alert is not None and alert.number == _PROTOCOL_VERSION) or "PROTOCOL" in (fact.error or ""):
        return look.say("opening.tls_version")
    if close.transport.how in ("fin", "reset"):
        return look.say("opening.tls_silent")
    return look.say("opening.tls_failed", why=look.safe(alert.name if alert and incoming else fact.error or ""))


def _unverified(fact: facts.Tls, look: Look) -> str:
    """Which certificate is at fault, and what is wrong with it."""
    if fact.verify_code in WRONG_NAME and fact.chain:
        names = ", ".join(fact.chain[0].names) or fact.chain[0].subject
        return look.say("opening.tls_name", names=look.safe(names), wanted=look.safe(fact.servername or ""))
    for certificate in fact.chain:
        subject = look.safe(certificate.subject)
        until, since = _moment(certificate.not_after), _moment(certificate.not_before)
        if fact.verify_code == EXPIRED and until is not None and until < fact.t:
            return look.say(
                "opening.tls_expired", subject=subject, on=certificate.not_after[:10], days=int((fact.t - until) / _DAY)
            )
        if fact.verify_code == NOT_YET_VALID and since is not None and since > fact.t:
            return look.say(
                "opening.tls_not_yet", subject=subject, on=certificate.not_before[:10],
                days=int((since - fact.t) / _DAY),
            )  # fmt: skip
    if fact.verify_code in UNTRUSTED and fact.chain:
        return look.say("opening.tls_untrusted", issuer=look.safe(fact.chain[-1].issuer))
    return look.say("opening.tls_unverified", why=look.safe(fact.error or ""))


def _moment(said: str) -> float | None:
    try:
        return datetime.fromisoformat(said).timestamp()
    except ValueError:
        return None


def _http(answer: facts.Http, look: Look) -> list[str]:
    if answer.status is None:
        return [_foreign("http", answer.raw or "", look)] if answer.raw else []
    entry = http_status.status(answer.status)
    if entry is None or answer.status == 101:
        return []
    name = look.safe(answer.phrase or entry.name)
    said = [look.say("opening.http_status", status=answer.status, name=name, meaning=look.read(entry.meaning))]
    clues = http_status.clues(answer.status, answer.headers, answer.body or "")
    to = next((value for name, value in answer.headers if name.lower() == "location"), None)
    if to is not None and 300 <= answer.status < 400:
        said.append(look.say("opening.http_location", to=look.safe(to)))
    return said + [look.read(clue) for clue in clues]


def _foreign(layer: Literal["tls", "http"], raw: str, look: Look) -> str:
    """What the bytes are that came where an answer of ``layer`` was due, and how they begin."""
    name = banners.protocol(raw)
    start = look.safe(raw.strip()[:_SHOWN])
    if name == "TLS":
        return look.say("opening.http_tls")
    if name is None:
        return look.say(f"opening.{layer}_foreign_unknown", start=start)
    return look.say(f"opening.{layer}_foreign", protocol=name, start=start)
