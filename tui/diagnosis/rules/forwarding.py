"""What passes the bytes on from here, a program (``ssh -L``, kubectl, stunnel) or a VPN: often it is what ends."""

from typing import Any

from tui.diagnosis.between import forwarder, listening, proxied, vpn
from tui.diagnosis.case import FITS, PROXY_ENDS, SAID, STRONG, UNLIKELY, Case
from tui.knowledge import relays


def through_a_forwarder(case: Case) -> None:
    """The connection ended at a forwarder's end of it."""
    close, trail = case.close, case.trail
    if close is None or close.received is not None or close.transport.how not in ("fin", "reset"):
        return
    program = forwarder(case)
    lines = case.lines(trail.route, trail.end)
    if program is None:
        if (other := listening(case)) is not None:
            case.doubt("tunnel-drop", UNLIKELY / 4, "no_forwarder", lines, program=other)
            if not proxied(case) and trail.proxy is None:  # unless it is one that nobody knows by name
                case.doubt((*PROXY_ENDS, "idle-timeout-proxy"), UNLIKELY, "no_proxy", lines, program=other)
    elif case.silent_end:
        case.blame("tunnel-drop", "network", FITS, "forwarder", lines, program=program)
    elif trail.ready is None and trail.answer is None and trail.first_in is None:
        case.blame("connection-refused", "server", STRONG, "forwarder_refused", lines, program=program)
        case.blame("forbidden", "config", 1.5 * FITS, "forwarder_refused", lines, program=program)
        if program.startswith("stunnel") and not trail.session.spoken.tls:  # before a server it hangs up on plain words
            case.blame("tls-expected", "client", STRONG, "forwarder_refused", lines, program=program)


def own_hand(case: Case) -> None:
    """The 101 came as its server wrote it: no HTTP proxy is in between, at most one that passes on TCP."""
    close, trail = case.close, case.trail
    if close is None or close.received is not None or trail.answer is None or proxied(case):
        return
    if listening(case) is None and trail.answer.status == 101 and relays.untouched(trail.answer.headers):
        case.doubt(PROXY_ENDS, 0.5, "own_hand", case.lines(trail.answer))


def through_a_vpn(case: Case) -> None:
    """The connection went out by a VPN's interface, and that is gone, or what we send into it is lost."""
    trail, name = case.trail, vpn(case)
    if name is None or trail.ready is None or trail.route is None:
        return
    before, after = trail.route.local, trail.last_route.local if trail.last_route is not None else None
    lines = case.lines(trail.route, trail.last_route, case.kernel.undelivered or case.kernel.dark)
    if before is not None and after != before:
        args: dict[str, Any] = {"name": name, "before": before, "after": after or "–"}
        case.blame("tunnel-drop", "network", SAID, "vpn_gone", lines, **args)
        for cause in ("local-network-down", "network-blackhole", "nat-timeout", "host-unreachable"):
            case.doubt(cause, UNLIKELY / 4, "vpn_gone", lines, **args)  # it is the narrower word
    elif case.kernel.undelivered is not None or case.kernel.dark is not None:
        case.blame("tunnel-drop", "network", 2 * STRONG, "vpn_dark", lines, name=name)


RULES = (through_a_forwarder, own_hand, through_a_vpn)
