"""A program of this machine that passes the bytes on (``ssh -L``, kubectl, stunnel): what ends first is often that."""

from tui.diagnosis.case import FITS, STRONG, UNLIKELY, Case

FORWARDERS = frozenset(
    {"autossh", "chisel", "cloudflared", "frpc", "gost", "kubectl", "ngrok", "oc", "plink", "socat", "ssh", "stunnel",
     "stunnel3", "stunnel4", "wstunnel"}
)  # fmt: skip
"""Programs whose listening end is a tunnel's: they accept whether or not anybody is at the far end."""


def forwarder(case: Case) -> str | None:
    """The forwarder that listens at the other end, if one does."""
    program = listening(case)
    if program is None or program not in FORWARDERS or ends_tls(case, program):
        return None
    return program


def ends_tls(case: Case, program: str) -> bool:
    """Whether a stunnel stands before the server rather than before us: we speak TLS with it."""
    return program.startswith("stunnel") and case.trail.tls is not None


def listening(case: Case) -> str | None:
    """The program that listens at the other end, where that is this machine and it tells."""
    return case.trail.route.program if case.trail.route is not None else None


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
    elif case.silent_end:
        case.blame("tunnel-drop", "network", FITS, "forwarder", lines, program=program)
    elif trail.ready is None and trail.answer is None and trail.first_in is None:
        case.blame("connection-refused", "server", STRONG, "forwarder_refused", lines, program=program)


RULES = (through_a_forwarder,)
