"""Who got in where this connection did not: it tells what the refusal cannot be about, and sometimes what it is."""

import re
from typing import Any

from tui.diagnosis.case import EXCLUDED, FITS, HINT, STRONG, Case
from tui.diagnosis.rules.siblings import names_of
from tui.diagnosis.world import Neighbour


def opened_for_others(case: Case) -> None:
    """The opening failed without a word where another connection had opened: it is no matter of port or protocol."""
    close = case.close
    if close is None or case.trail.ready is not None or close.transport.phase not in ("tls", "http", "open"):
        return
    secure = case.trail.session.spoken.tls
    ready = [one for one in case.world.neighbours if one.same_server and one.trail.ready is not None]
    others = [one for one in ready if one.trail.session.spoken.tls == secure]
    if ready and not others:
        cause = "tls-not-spoken" if secure else "tls-expected"
        lines = case.lines(*(one.trail.ready for one in ready))
        case.blame(cause, "client", 4 * STRONG, "opened_otherwise", lines, names=names_of(ready))
        return
    ruled_out: list[str] = []
    mine = case.trail.door
    if others:
        key, lines = "opened_for_others", case.lines(*(one.trail.ready for one in others))
        args: dict[str, Any] = {"names": names_of(others)}
        ruled_out += ["tls-expected", "tls-not-spoken"]
        ruled_out += ["wrong-port"] if any(one.trail.door[0] == mine[0] for one in others) else []
        # A proxy may have another site for another name.
        at_it = [one for one in others if one.same_door and one.trail.asked("host") == case.trail.asked("host")]
        ruled_out += ["not-websocket"] if at_it else []
    elif case.world.history:
        key, lines, args = "opened_before", [case.world.history[-1].n], {}
        ruled_out += ["not-websocket", "wrong-port", "tls-expected", "tls-not-spoken"]
    for cause in ruled_out:
        case.doubt(cause, EXCLUDED, key, lines, **args)
    _their_subprotocol(case, [one for one in others if one.same_door])
    spoken = {one.trail.session.spoken.tcp for one in others}
    if spoken and case.trail.session.spoken.tcp not in spoken and case.trail.answer is None:
        case.blame("wrong-port", "client", 4 * STRONG, "speaks_another", lines, **args)
    if "not-websocket" not in ruled_out:
        return
    if close.transport.how in ("fin", "reset") and case.trail.answer is None and case.trail.first_in is None:
        case.blame("server-abort", "server", FITS, key, lines, **args)
        case.blame("server-restart", "server", HINT, key, lines, **args)


def _their_subprotocol(case: Case, others: list[Neighbour]) -> None:
    """All who got in at the same door speak a subprotocol that we had not offered."""
    answer, offered = case.trail.answer, re.split(r"\s*,\s*", case.trail.asked("sec-websocket-protocol"))
    spoken = {one.trail.open.subprotocol or "" for one in others if one.trail.open is not None}
    if not spoken or not spoken.isdisjoint({"", *offered}):
        return
    if answer is None or answer.status in (400, 500, 502):
        lines = case.lines(case.trail.request, *(one.trail.ready for one in others))
        args: dict[str, Any] = {"names": names_of(others), "subprotocol": ", ".join(sorted(spoken))}
        case.blame("subprotocol-mismatch", "config", STRONG, "their_subprotocol", lines, **args)


RULES = (opened_for_others,)
