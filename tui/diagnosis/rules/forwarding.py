"""A program of this machine that passes the bytes on (``ssh -L``, kubectl, stunnel): what ends first is often that."""

from tui.diagnosis.between import forwarder, listening
from tui.diagnosis.case import FITS, STRONG, UNLIKELY, Case


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
