"""The other sessions (§5): alone or together, same server or another, same age, same idle time, who logged in when.

One of two dropping does not move the blame from the server to the client; it weakens what both share and leaves what
each has for itself: timers per connection, beats, kicks, the path, the backend.
"""

from typing import Any

from tui.diagnosis.between import ended_behind, in_between, listening, of_an_age, proxied
from tui.diagnosis.case import FITS, HINT, IDLE_TIMERS, PROXY_ENDS, STRONG, UNLIKELY, Case
from tui.diagnosis.rules.clocks import LEAST_IDLE_S, mute, round_seconds
from tui.diagnosis.trail import Trail
from tui.diagnosis.world import Neighbour, sign_of_life
from tui.knowledge import relays
from tui.knowledge.sayings import meant

SHARED = ("server-crash", "proxy-crash", "proxy-restart", "proxy-reload", "tunnel-drop", "local-network-down")
"""Causes that hit every session of one server, or of this machine, at once."""

APART_S = 0.1
"""Seconds between two ends that no longer are one moment."""

LATER_LOGIN_S = 2.0
"""Seconds after a newer login within which the older session of the same user is kicked (§5.3 P11)."""


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
        if one.same_server and one.lives and _was_there(case, one) and one.trail.orders.frozen_at(case.at) is None
        and (not gone or _heard_since(case, one)) and not _ails(one.trail)
    ]  # fmt: skip
    if not living or any(one.together for one in case.world.neighbours) or ended_behind(case) is not None:
        return
    lines, names = case.lines(*(one.trail.last_in for one in living), case.trail.end), names_of(living)
    # A proxy may send another path to another server.
    elsewhere = bool(proxied(case)) and all(one.trail.door[1] != case.trail.door[1] for one in living)
    spared = {"server-crash", "server-freeze", "going-away", "server-restart"} if elsewhere else set[str]()
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
    living = [one for one in case.world.neighbours if one.same_server and one.lives and _was_there(case, one)]
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


def _was_there(case: Case, one: Neighbour) -> bool:
    return one.trail.ready is not None and one.trail.ready.m <= case.at


def _ails(trail: Trail) -> bool:
    """Whether its own peer is late: nobody can tell yet that it lives."""
    return any(late.state == "missed" for layer, late in trail.late.items() if layer in ("stomp-in", "ws-ping"))


def _heard_since(case: Case, one: Neighbour) -> bool:
    """Whether a session has had a sign of life since this one ended: one that does not read may not know yet."""
    last = sign_of_life(one.trail)
    return last is not None and last > case.at


def _busier(one: Neighbour, idle: float) -> bool:
    """Whether a session never was as quiet as the one that dropped."""
    return one.trail.longest_idle_s < 0.9 * idle


def together(case: Case) -> None:
    """Several sessions went down at one moment: what they share did it (§5.3 P1 to P5)."""
    close = case.close
    if close is None or case.trail.ready is None or (close.initiator == "local" and close.asked):
        return
    down = [one for one in case.world.neighbours if one.together]
    if not down:
        return
    here, elsewhere = [one for one in down if one.same_host], [one for one in down if not one.same_host]
    lines, names = case.lines(*(one.trail.end for one in down), case.trail.end), names_of(down)
    if case.cut and here:
        case.blame("server-crash", "server", FITS, "ended_together", lines, names=names)
        case.blame("server-restart", "server", HINT, "ended_together", lines, names=names)
        case.blame("proxy-reload", "proxy", HINT, "ended_together", lines, names=names)
        as_idle = _same_rhythm(case, here, "idle_any")
        if as_idle:
            case.doubt(("proxy-reload", "proxy-restart"), 2 * UNLIKELY, "silent_as_long", lines, names=names)
        elif server := proxied(case):
            case.blame("proxy-reload", "proxy", FITS, "proxy_named", case.lines(case.trail.answer), server=server)
        spared = {"idle-timeout-proxy"} if as_idle else set[str]()
        if as_idle or _same_rhythm(case, here, "idle_tx"):
            spared.add("idle-timeout-server")
        if _same_rhythm(case, here, "age"):
            spared.add("connection-lifetime")
        for cause in (
            "abrupt-close", "connection-lifetime", *IDLE_TIMERS, "server-abort",
        ):  # fmt: skip
            timer = cause.startswith("idle")  # each connection has its own
            if cause not in spared:
                case.doubt(cause, UNLIKELY / 4 if timer else UNLIKELY * 2, "ended_together", lines, names=names)
    if close.received is not None and here and not any(_same_rhythm(case, here, by) for by in ("idle_any", "idle_tx")):
        case.doubt("idle-timeout-server", UNLIKELY / 2, "ended_together", lines, names=names)
        if close.received.code == 1011:
            case.blame("server-restart", "server", HINT, "closed_together", lines, names=names)
        if close.received.code in (1000, None) and meant("reason", close.received.reason) is None:
            # Applications that end a meeting say 1000; a Close without a code is what frameworks send as they stop.
            times = 1.5 * (FITS if close.received.code is not None else STRONG)
            case.blame("server-restart", "server", times, "closed_together", lines, names=names)
        if not _same_rhythm(case, here, "age"):
            case.doubt("connection-lifetime", UNLIKELY / 2, "ended_together", lines, names=names)
    hung_up = [one for one in elsewhere if one.trail.fin is not None]
    if case.cut and case.trail.fin is not None and hung_up:  # by two ways to one server, perhaps
        lines, names = case.lines(*(one.trail.end for one in hung_up), case.trail.end), names_of(hung_up)
        case.blame("server-restart", "server", FITS, "ended_elsewhere_too", lines, names=names)
        case.blame("server-crash", "server", FITS, "ended_elsewhere_too", lines, names=names)
    if elsewhere and close.initiator != "remote":
        case.blame("local-network-down", "network", STRONG, "elsewhere_too", lines, names=names_of(elsewhere))
        case.doubt("server-crash", UNLIKELY / 2, "elsewhere_too", lines, names=names_of(elsewhere))
        case.doubt("server-freeze", UNLIKELY / 2, "elsewhere_too", lines, names=names_of(elsewhere))


def one_of_a_pool(case: Case) -> None:
    """Several of those behind one proxy were cut at one moment, and others that were there by then live on: what ended
    is one server of several, or all of one server's sessions were ended. A proxy that goes takes all of them along."""
    if not case.cut or not proxied(case):
        return
    down = [one for one in case.world.neighbours if one.together and one.same_door and _unsaid(one.trail)]
    living = [one for one in case.world.neighbours if one.same_door and one.lives and _was_there(case, one)]
    if not down or not living or (case.idle_any >= LEAST_IDLE_S and _same_rhythm(case, down, "idle_any")):
        return
    lines, names = case.lines(*(one.trail.end for one in down), case.trail.end), names_of(living)
    case.blame("server-crash", "server", FITS, "one_of_a_pool", lines, names=names)
    case.blame("server-restart", "server", FITS, "one_of_a_pool", lines, names=names)
    case.doubt(PROXY_ENDS, UNLIKELY / 4, "one_of_a_pool", lines, names=names)


def _unsaid(trail: Trail) -> bool:
    """Whether it ended without a Close of the peer's: what a Close is about concerns its session."""
    return trail.close is not None and trail.close.received is None


def _same_rhythm(case: Case, down: list[Neighbour], by: str) -> bool:
    """Whether a clock of the others read the same: a timer then ends all of them at one moment too.

    Args:
        case: the connection.
        down: the others.
        by: the clock: idle_any, idle_tx or age.
    """
    mine = getattr(case, by)
    if mine is None or mine < LEAST_IDLE_S:
        return False
    return all(one.trail.close is not None and abs((getattr(one.trail.close, by) or 0) - mine) < 0.3 for one in down)


def reset_one_by_one(case: Case) -> None:
    """Each was reset at its own next word: a process that dies ends all it has in one moment, a box on the way resets
    what passes."""
    if not _at_our_word(case.trail) or case.kernel.dark is not None or not case.silent_end:
        return
    others = [
        one for one in case.world.neighbours
        if one.same_server and one.together and _at_our_word(one.trail) and abs(_ended(one.trail) - case.at) > APART_S
    ]  # fmt: skip
    if not others:
        return
    lines, names = case.lines(case.trail.last_out, case.trail.end, *(one.trail.end for one in others)), names_of(others)
    case.blame("tcp-reset", "network", 4 * STRONG, "reset_one_by_one", lines, names=names)
    case.doubt(("server-restart", "server-crash", "proxy-reload"), UNLIKELY, "reset_one_by_one", lines, names=names)


def _at_our_word(trail: Trail) -> bool:
    """Whether a reset came right upon bytes of ours."""
    close, out = trail.close, trail.last_out
    return close is not None and close.transport.how == "reset" and out is not None and _ended(trail) - out.m < 0.05


def _ended(trail: Trail) -> float:
    return trail.end.m if trail.end is not None else 0.0


def same_idle(case: Case) -> None:
    """Sessions ended apart, each after the same silence: one timer, set at different moments."""
    if not case.cut or case.idle_any < LEAST_IDLE_S:
        return
    for one in case.world.neighbours:
        theirs, end = one.trail.close, one.trail.end
        if not one.same_server or not one.dropped or theirs is None or theirs.idle_any is None or end is None:
            continue
        apart = abs(end.m - case.at)
        if apart > 0.3 and abs(theirs.idle_any - case.idle_any) <= 0.12:
            likelier = STRONG if in_between(case) == "proxy" else FITS
            lines, other = case.lines(end, case.trail.end), STRONG * FITS / likelier
            args: dict[str, Any] = {"name": one.name, "apart": round(apart, 1), "idle": round(case.idle_any, 2)}
            case.blame("idle-timeout-proxy", "proxy", likelier, "same_idle", lines, **args)
            case.blame("idle-timeout-server", "server", other, "same_idle", lines, **args)
            for cause in ("proxy-reload", "server-restart", "server-crash", "duplicate-session"):
                case.doubt(cause, UNLIKELY, "same_idle", case.lines(end), **args)
            return


def other_server_lives(case: Case) -> None:
    """A session to another server lives on: not our machine, not our network."""
    if case.close is None or case.trail.ready is None or not case.close.dropped:
        return
    living = [one for one in case.world.neighbours if not one.same_host and one.lives and _was_there(case, one)]
    if living:
        lines = case.lines(*(one.trail.last_in for one in living))
        before, after = case.trail.route, case.trail.last_route
        moved = before is not None and after is not None and after.local != before.local  # theirs is another way out
        for cause in ("client-stalled",) if moved else ("local-network-down", "client-stalled"):
            case.doubt(cause, UNLIKELY, "other_server_lives", lines, names=names_of(living))


def newer_login(case: Case) -> None:
    """A newer session of the same server became ready moments before this older one was ended by the peer."""
    close, trail = case.close, case.trail
    if close is None or trail.ready is None or close.initiator != "remote" or close.asked:
        return
    for one in case.world.neighbours:
        login = one.trail.inner.mqtt_at or one.trail.ready
        start, before = one.trail.inner.mqtt_at or one.trail.began, trail.inner.mqtt_at or trail.ready
        if not one.same_server or login is None or start is None:
            continue
        since, began = case.at - login.m, case.at - start.m
        if start.m <= before.m + 0.2 or not (-0.5 <= since <= LATER_LOGIN_S and began >= 0):
            continue
        mine, theirs = _user(case.trail), _user(one.trail)
        same = mine == theirs
        if same and not any(mine) and case.silent_end:
            return  # nobody logged in: there is nobody to take the place of
        lines = case.lines(one.trail.connected or one.trail.ready, trail.act)
        case.blame(
            "duplicate-session", "server", 2 * FITS if same else HINT, "newer_login", lines, name=one.name,
            since=round(max(0.0, since), 2),
        )  # fmt: skip
        for cause in ("server-close", "policy-violation", "normal-close", "abrupt-close", "server-abort"):
            case.doubt(cause, 0.4, "newer_login", lines, name=one.name, since=round(max(0.0, since), 2))
        return


def _user(trail: Trail) -> tuple[object, ...]:
    spec = trail.session.spec
    mqtt = trail.inner.mqtt
    client_id = mqtt.client_id if mqtt is not None else None
    return spec.get("login"), tuple(spec.get("connect-header", ())), spec.get("user"), client_id


def same_age(case: Case) -> None:
    """Sessions opened apart, each cut at the same age: a maximum lifetime (§5.3 P9)."""
    age = case.age
    if age is None or age < 1.5 or case.close is None or case.close.asked or case.close.initiator != "remote":
        return
    for one in case.world.neighbours:
        theirs = one.trail.close
        if not one.same_server or not one.dropped or theirs is None or theirs.age is None:
            continue
        apart = abs((one.trail.end.m if one.trail.end is not None else 0.0) - case.at)
        if apart > 0.3 and abs(theirs.age - age) <= (0.12 if apart < 1.0 else max(0.3, 0.02 * age)):
            lines = case.lines(one.trail.end, case.trail.end)
            busy = case.idle_any < 0.5 * age
            case.blame(
                "connection-lifetime", of_an_age(case), STRONG if busy else FITS, "same_age", lines, name=one.name,
                age=round(age, 1),
            )  # fmt: skip
            shared = ("proxy-reload", "proxy-restart", "server-restart", "server-crash", "duplicate-session")
            for cause in shared if busy else ():
                case.doubt(cause, UNLIKELY, "same_age", lines, name=one.name, age=round(age, 1))
            return


RULES = (
    alone, quieter, together, one_of_a_pool, reset_one_by_one, same_idle, other_server_lives, newer_login, same_age,
)  # fmt: skip
