"""Sessions that ended at moments of their own, by a clock that reads the same, or one upon the login of another."""

from typing import Any

from tui.diagnosis.between import in_between, of_an_age
from tui.diagnosis.case import FITS, HINT, STRONG, UNLIKELY, Case
from tui.diagnosis.rules.clocks import LEAST_IDLE_S
from tui.diagnosis.trail import Trail

LATER_LOGIN_S = 2.0
"""Seconds after a newer login within which the older session of the same user is kicked (§5.3 P11)."""


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
            case.doubt(shared if busy else (), UNLIKELY, "same_age", lines, name=one.name, age=round(age, 1))
            return


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
        for cause in (
            "server-close", "policy-violation", "normal-close", "abrupt-close", "server-abort", "idle-timeout-server",
        ):  # fmt: skip
            case.doubt(cause, 0.4, "newer_login", lines, name=one.name, since=round(max(0.0, since), 2))
        return


def _user(trail: Trail) -> tuple[object, ...]:
    spec = trail.session.spec
    mqtt = trail.inner.mqtt
    client_id = mqtt.client_id if mqtt is not None else None
    return spec.get("login"), tuple(spec.get("connect-header", ())), spec.get("user"), client_id


RULES = (same_idle, same_age, newer_login)
