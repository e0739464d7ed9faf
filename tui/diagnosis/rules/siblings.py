"""The other sessions that live on (§5): what all of them share did not end this one. ``together`` and ``apart`` are
about those that ended as well.

One of two dropping does not move the blame from the server to the client; it weakens what both share and leaves what
each has for itself: timers per connection, beats, kicks, the path, the backend.
"""

from typing import Any

from tui.diagnosis.between import ended_behind, listening, proxied
from tui.diagnosis.case import FITS, STRONG, UNLIKELY, Case
from tui.diagnosis.rules.clocks import LEAST_IDLE_S, mute, round_seconds
from tui.diagnosis.world import Neighbour, misses_beats, sign_of_life
from tui.knowledge import relays

SHARED = ("server-crash", "proxy-crash", "proxy-restart", "proxy-reload", "tunnel-drop", "local-network-down")
"""Causes that hit every session of one server, or of this machine, at once."""


def moved(case: Case) -> bool:
    """Whether this machine would take another address to the same peer by now."""
    before, after = case.trail.route, case.trail.last_route
    return before is not None and after is not None and after.local != before.local


def names_of(neighbours: list[Neighbour]) -> str:
    """How a claim names other sessions."""
    return ", ".join(one.name for one in neighbours[:5])


def alone(case: Case) -> None:
    """Another session to the same server lives on: what all of them share did not end this one."""
    if case.close is None or case.trail.ready is None or not case.close.dropped:
        return
    gone = any(not look.ok and look.how == "refused" for look in case.world.afterwards if look.stage == "tcp")
    living = [
        one for one in case.world.neighbours
        if one.same_server and one.lives and was_there(case, one) and one.trail.orders.frozen_at(case.at) is None
        and (not gone or _heard_since(case, one)) and not misses_beats(one.trail)
    ]  # fmt: skip
    if not living or any(one.together for one in case.world.neighbours) or ended_behind(case) is not None:
        return
    lines, names = case.lines(*(one.trail.last_in for one in living), case.trail.end), names_of(living)
    # A proxy may send another path to another server.
    elsewhere = bool(proxied(case)) and all(one.trail.door[1] != case.trail.door[1] for one in living)
    spared = {"server-crash", "server-freeze", "going-away", "server-restart"} if elsewhere else set[str]()
    if moved(case):
        spared.add("local-network-down")  # they live by another address
    if any(fact.stage == "program" and fact.how == "replaced" for fact in case.trail.afterwards):
        spared |= {"server-crash", "server-restart"}  # they are with other workers
    if listening(case) in relays.ONE_EACH:
        spared.add("tunnel-drop")
    for cause in SHARED:
        if cause not in spared:
            case.doubt(cause, UNLIKELY / 4, "sibling_lives", lines, names=names)
    for cause in ("network-blackhole", "server-freeze", "going-away", "server-restart"):
        if cause not in spared:
            case.doubt(cause, UNLIKELY, "sibling_lives", lines, names=names)
    busy = [one for one in living if _busier(one, case.idle_any)] if case.idle_any >= LEAST_IDLE_S else []
    if case.cut and busy:
        args: dict[str, Any] = {"names": names_of(busy), "idle": round(case.idle_any, 1)}
        case.blame("idle-timeout-proxy", "proxy", FITS, "busy_sibling_lives", lines, **args)
    elif case.silent_end and case.trail.fin is not None and not case.close.transport.undecoded and not _idle(case):
        case.blame("server-abort", "server", 2 * FITS, "cut_alone", lines, names=names)
        case.blame("admin-kill", "server", FITS, "cut_alone", lines, names=names)
        case.doubt("abrupt-close", 0.5, "cut_alone", lines, names=names)


def quieter(case: Case) -> None:
    """The server closed the one that said less, with a code that says nothing, or cut it though it was spoken to: it
    may count its clients' messages."""
    close, trail = case.close, case.trail
    if close is None or trail.ready is None or close.initiator != "remote" or case.idle_tx < LEAST_IDLE_S:
        return
    heard = case.cut and trail.fin is not None and not trail.beat_out_s and case.idle_rx < 0.5 * case.idle_tx
    if not (mute(close.received) if close.received is not None else heard):
        return
    living = [one for one in case.world.neighbours if one.same_server and one.lives and was_there(case, one)]
    spoke = [one for one in living if _spoke_within(one, case.at, 0.9 * case.idle_tx)]
    if spoke and len(spoke) == len(living):
        case.blame(
            "idle-timeout-server", "server", STRONG, "speaking_sibling_lives",
            case.lines(*(one.trail.last_out for one in spoke), trail.act), names=names_of(spoke),
            idle=round(case.idle_tx, 1),
        )  # fmt: skip
        if case.cut and proxied(case):  # HAProxy's ``timeout client`` is for what comes from us
            case.blame(
                "idle-timeout-proxy", "proxy", STRONG, "speaking_sibling_lives", case.lines(trail.act),
                names=names_of(spoke), idle=round(case.idle_tx, 1),
            )  # fmt: skip


def _spoke_within(one: Neighbour, at: float, seconds: float) -> bool:
    """Whether a session never was silent for so long, up to ``at``."""
    out = one.trail.last_out
    return out is not None and max(one.trail.longest_out_s, at - out.m) < seconds


def _idle(case: Case) -> bool:
    """Whether an idle timer may have cut it."""
    return case.idle_any >= LEAST_IDLE_S and round_seconds(case.idle_any)


def was_there(case: Case, one: Neighbour) -> bool:
    """Whether another session was ready by the time this one ended."""
    return one.trail.ready is not None and one.trail.ready.m <= case.at


def _heard_since(case: Case, one: Neighbour) -> bool:
    """Whether a session has had a sign of life since this one ended: one that does not read may not know yet."""
    last = sign_of_life(one.trail)
    return last is not None and last > case.at


def _busier(one: Neighbour, idle: float) -> bool:
    """Whether a session never was as quiet as the one that dropped."""
    return one.trail.longest_idle_s < 0.9 * idle


def other_server_lives(case: Case) -> None:
    """A session to another server lives on: not our machine, not our network."""
    if case.close is None or case.trail.ready is None or not case.close.dropped:
        return
    living = [one for one in case.world.neighbours if not one.same_host and one.lives and was_there(case, one)]
    if living:
        lines = case.lines(*(one.trail.last_in for one in living))
        shared = ("client-stalled",) if moved(case) else ("local-network-down", "client-stalled")
        case.doubt(shared, UNLIKELY, "other_server_lives", lines, names=names_of(living))


RULES = (alone, quieter, other_server_lives)
