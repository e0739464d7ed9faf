"""How TLS failed: our certificate or theirs, the handshake itself, or a peer that speaks something else."""

from collections.abc import Mapping

from tui.diagnosis.case import FITS, HINT, SAID, STRONG, Case
from tui.diagnosis.rules.reaching import LOOPBACK, failed
from tui.knowledge import banners

X509: Mapping[int, str] = {
    9: "tls-cert-not-yet-valid", 10: "tls-cert-expired", 62: "tls-hostname-mismatch", 64: "tls-hostname-mismatch",
}  # fmt: skip
"""OpenSSL's verification errors (x509_vfy.h) that have a name of their own; all others are a chain nobody trusts."""

CLIENT_CERT_ALERTS = frozenset({42, 43, 44, 45, 46, 48, 116})
"""TLS alerts about a certificate (RFC 8446 §6.2): from the server they are about ours."""

NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "PACKET_LENGTH",
    "UNKNOWN_PROTOCOL",
    "RECORD_LAYER",
    "HTTP_REQUEST",
    "UNEXPECTED_MESSAGE",
)
"""OpenSSL's words where what came is no TLS record."""


def tls_certificate(case: Case) -> None:
    """Verification failed: OpenSSL says at what."""
    close, tls = failed(case), case.trail.tls
    if close is None or tls is None or tls.ok or not tls.verify_code:
        return
    cause = X509.get(tls.verify_code, "tls-cert-untrusted")
    case.blame(cause, "config", SAID, cause.replace("-", "_"), case.lines(tls, case.trail.end), error=tls.error or "–")


def tls_alert(case: Case) -> None:
    """The server ended TLS with an alert: about our certificate, or about the handshake. Under TLS 1.3 the one for a
    missing client certificate comes after the handshake (RFC 8446 §4.4.2.4)."""
    close = failed(case)
    alert = close.transport.alert if close is not None else None
    if close is None or alert is None or alert.dir != "in" or alert.number == 0:
        return
    lines = case.lines(case.trail.tls, case.trail.end)
    said = f"{alert.name} ({alert.number})"
    if alert.number in CLIENT_CERT_ALERTS:
        times = SAID if alert.number == 116 or close.transport.phase == "http" else STRONG
        case.blame("tls-client-cert-required", "config", times, "tls_alert", lines, alert=said)
    elif alert.number == 40 and case.trail.session.spec.get("cert") is None:
        # Before TLS 1.3 a server that wants a certificate and gets none may say no more than that.
        times = 3 * STRONG if _wanted_a_certificate(case) else FITS
        case.blame("tls-client-cert-required", "config", times, "tls_alert", lines, alert=said)
    pointed = alert.number in CLIENT_CERT_ALERTS or (alert.number == 40 and _wanted_a_certificate(case))
    case.blame("tls-handshake-failed", "config", HINT if pointed else SAID, "tls_alert", lines, alert=said)


def _wanted_a_certificate(case: Case) -> bool:
    """Whether the server asked for a certificate, and we had none."""
    tls = case.trail.tls
    return tls is not None and bool(tls.certificate_requested) and not case.trail.session.spec.get("cert")


def certificate_wanted(case: Case) -> None:
    """The server asked for a certificate of ours, had none, and ended before it answered: some lose their alert."""
    close, tls = failed(case), case.trail.tls
    if close is None or tls is None or not tls.ok or not _wanted_a_certificate(case):
        return
    if close.transport.how in ("fin", "reset") and case.trail.answer is None:
        lines = case.lines(tls, case.trail.end)
        case.blame("tls-client-cert-required", "config", 2 * STRONG, "certificate_wanted", lines)


def tls_to_something_else(case: Case) -> None:
    """We spoke TLS, and what came back was no TLS."""
    close, trail = failed(case), case.trail
    if close is None or close.transport.phase != "tls" or (trail.tls is not None and trail.tls.verify_code):
        return
    words, lines = (close.transport.detail or "").upper().replace(" ", "_"), case.lines(trail.tls, trail.end)
    if close.transport.alert is not None and close.transport.alert.dir == "in":
        return
    came = trail.tls.raw or "" if trail.tls is not None else ""
    if any(word in words for word in NOT_TLS):
        case.blame("tls-not-spoken", "client", SAID, "no_tls_came", lines, error=close.transport.detail or "–")
        if (name := banners.protocol(came)) not in (None, "HTTP", "STOMP"):
            case.blame("wrong-port", "client", 2 * SAID, "banner", lines, protocol=name, text=came.strip()[:40])
    elif close.transport.how == "tls":
        case.blame("tls-handshake-failed", "config", STRONG, "tls_failed", lines, error=close.transport.detail or "–")
    elif close.transport.how in ("fin", "reset"):
        given = 2 * FITS if case.trail.session.spec.get("cert") else FITS
        case.blame("tls-handshake-failed", "config", given, "tls_hello_cut", lines)
        case.blame("tls-not-spoken", "client", FITS, "tls_hello_cut", lines)
        case.blame("server-crash", "server", HINT / 2, "tls_hello_cut", lines)
        if close.transport.how == "reset":
            case.blame("tcp-reset", "network", FITS, "tls_hello_cut", lines)
            _other_names_pass(case)
    elif close.transport.how == "timeout":
        # A plain HTTP server answers a hello at once, with 400 or the end; a broker may wait for the rest of a frame.
        patient = case.trail.session.spoken.tcp
        case.blame("tls-not-spoken", "client", FITS if patient else HINT, "tls_hello_unanswered", lines)
        case.blame("handshake-timeout", "server", 1.5 * FITS, "tls_hello_unanswered", lines)
        info = case.kernel.last
        if info is not None and not info.outq and not info.unacked and not case.trail.remote.startswith(LOOPBACK):
            case.blame("mtu-blackhole", "network", 0.8 * FITS, "certificate_lost", case.lines(case.kernel.last))


def tls_broke_unanswered(case: Case) -> None:
    """TLS was up, and broke before our request was answered: under TLS 1.3 a server refuses us only then."""
    close, trail = failed(case), case.trail
    if close is None or close.transport.phase != "http" or close.transport.how != "tls" or trail.answer is not None:
        return
    lines = case.lines(trail.tls, trail.end)
    case.blame("tls-handshake-failed", "config", FITS, "tls_failed", lines, error=close.transport.detail or "–")


def _other_names_pass(case: Case) -> None:
    """The same place took the TLS hello of a session that asks for another name: a box on the way reads them."""
    mine = case.trail.tls
    for one in case.world.neighbours:
        tls = one.trail.tls
        if mine is None or not one.same_server or tls is None or not tls.ok or tls.servername == mine.servername:
            continue
        lines = case.lines(tls, mine, case.trail.end)
        case.blame("tcp-reset", "network", FITS, "other_names_pass", lines, other=tls.servername, mine=mine.servername)
        return


RULES = (tls_certificate, tls_alert, certificate_wanted, tls_to_something_else, tls_broke_unanswered)
