"""Was the server ever reached: name lookup, TCP, our own proxy, and a way that ended while the session opened."""

from urllib.parse import urlsplit

from tui.diagnosis.case import FITS, SAID, STRONG, Case
from tui.facts.findings import Blame, Close

LOOPBACK = ("127.", "[::1]")


def failed(case: Case) -> Close | None:
    """The end of a connection that never opened."""
    return case.close if case.close is not None and case.trail.ready is None else None


def never_reached(case: Case) -> None:
    """Name lookup, TCP and the proxy on the way."""
    close, trail = failed(case), case.trail
    if close is None or close.transport.phase not in ("dns", "tcp", "proxy"):
        return
    lines = case.lines(trail.resolved if close.transport.how == "dns" else trail.refused, trail.end)
    errno = close.transport.errno or "–"
    match close.transport.how:
        case "dns":
            # A name that does not exist is ours; a resolver that fails or is silent is not (getaddrinfo(3)).
            side: Blame = "network" if errno == "EAI_AGAIN" else "client"
            case.blame("dns-failure", side, SAID, "dns", lines, errno=errno)
        case "refused":
            case.blame("connection-refused", _whose_refusal(case), SAID, "refused", lines, remote=trail.remote)
        case "timeout" if close.transport.phase == "tcp":
            # Nothing is lost on the way to this machine: the queue of those who wait to be accepted is full.
            whose: Blame = "server" if trail.remote.startswith(LOOPBACK) else "network"
            case.blame("connect-timeout", whose, SAID, "connect_timeout", lines, remote=trail.remote)
        case "unreachable":
            case.blame("host-unreachable", "network", SAID, "unreachable", lines, errno=errno)
            if errno == "ENETUNREACH":  # our own kernel has no way there (connect(2))
                case.blame("local-network-down", "network", STRONG, "unreachable", lines, errno=errno)
        case "reset" if close.transport.phase == "tcp":
            case.blame("connection-refused", "server", FITS, "refused", lines, remote=trail.remote)
        case "timeout" if trail.resolved is None:
            case.blame("dns-failure", "network", SAID, "dns_silent", lines)
        case "timeout":
            # It took us in, and waits itself: for the server's SYN-ACK, most of all.
            case.blame("connect-timeout", "network", 2 * FITS, "proxy_silent", lines)
            case.blame("handshake-timeout", "server", FITS, "proxy_silent", lines)
        case _:
            pass


def lost_midway(case: Case) -> None:
    """TCP was up, and something on the way said that there is no way, before the session was ready."""
    close = failed(case)
    if close is None or close.transport.phase not in ("tls", "http", "open"):
        return
    lines, errno = case.lines(case.trail.tcp, case.trail.end), close.transport.errno or "–"
    if close.transport.how == "unreachable":
        case.blame("host-unreachable", "network", STRONG, "unreachable", lines, errno=errno)
    elif close.transport.how == "refused":
        case.blame("network-blackhole", "network", STRONG, "refused_midway", lines)
        case.blame("host-unreachable", "network", FITS, "refused_midway", lines)


def _whose_refusal(case: Case) -> Blame:
    """The server's; ours where our proxy refused, or where the port was left out, of a socket that has one, and the
    same door is open at another port of that host."""
    if case.trail.proxy is not None:
        return "client"  # our own setting, or our own proxy
    if urlsplit(case.trail.session.url).port is not None or case.trail.session.spec.get("unix-socket"):
        return "server"
    elsewhere = [one for one in case.world.neighbours if one.same_host and one.trail.ready is not None]
    return "client" if any(one.trail.door == case.trail.door for one in elsewhere) else "server"


RULES = (never_reached, lost_midway)
