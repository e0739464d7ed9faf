"""What a broker does for another session and not for this one: it tells what this one's refusal is about."""

from typing import Any

from tui.diagnosis.case import EXCLUDED, FITS, STRONG, UNLIKELY, Case
from tui.diagnosis.rules.clocks import LEAST_IDLE_S
from tui.diagnosis.rules.siblings import names_of
from tui.diagnosis.rules.words import REFUSED_S


def broker_serves_another(case: Case) -> None:
    """Spring's relay lost this session's own connection to the broker, while it carries another's: the broker is there
    and ended this one for what it had asked."""
    error, asked = case.trail.error, case.trail.last_stomp_out
    others = [one for one in case.world.neighbours if one.same_server and one.lives and one.trail.connected]
    if case.close is None or error is None or "Connection to broker closed" not in error.header("message"):
        return
    if not others or asked is None or asked.frame.command not in ("SUBSCRIBE", "SEND") or error.m - asked.m > 2.0:
        return
    lines = case.lines(asked, error, *(one.trail.last_in for one in others))
    args: dict[str, Any] = {"command": asked.frame.command, "names": others[0].name}
    case.blame("destination-not-found", "client", 2 * STRONG, "relay_serves", lines, **args)
    case.blame("permission-denied", "config", STRONG, "relay_serves", lines, **args)
    case.doubt("broker-unavailable", EXCLUDED, "relay_serves", lines, **args)


def vhost_serves_another(case: Case) -> None:
    """RabbitMQ refuses the virtual host that another session is in: it is there, and shut to this login, or full."""
    error, connect = case.trail.error, case.trail.connect
    if case.close is None or error is None or connect is None or b"Virtual host '" not in error.frame.body:
        return
    inside = [
        one for one in case.world.neighbours
        if one.same_server and one.trail.connected and one.trail.connect
        and one.trail.connect.header("host") == connect.header("host")
    ]  # fmt: skip
    if not inside:
        return
    lines = case.lines(error, *(one.trail.connected for one in inside))
    args: dict[str, Any] = {"names": names_of(inside)}
    case.doubt("vhost-not-found", EXCLUDED, "vhost_serves", lines, **args)
    if any(one.trail.connect and one.trail.connect.header("login") == connect.header("login") for one in inside):
        case.blame("rate-limited", "client", 2 * STRONG, "vhost_serves", lines, **args)  # as many as it may have
    else:
        case.blame("permission-denied", "config", FITS, "vhost_serves", lines, **args)


def destination_taken(case: Case) -> None:
    """Refused without a word at a SUBSCRIBE to what another session reads: it may have it for itself."""
    asked = case.trail.last_stomp_out
    if case.close is None or case.close.asked or asked is None or case.trail.error is not None:
        return
    if asked.frame.command != "SUBSCRIBE":
        return
    destination = asked.header("destination")
    holding = [
        one for one in case.world.neighbours
        if one.same_host and one.lives and destination in one.trail.subscribed
    ]  # fmt: skip
    if holding and "topic" not in destination and 0 <= case.at - asked.m < REFUSED_S:
        lines = case.lines(asked, case.trail.act, *(one.trail.connected for one in holding))
        case.blame("resource-locked", "client", 2 * STRONG, "destination_taken", lines, names=names_of(holding))


def cowboy_idle(case: Case) -> None:
    """RabbitMQ's WebSocket says Close 1000 without a reason to a client from which nothing came for its
    ``idle_timeout`` (60 s), whatever it said itself (§3.2: measured). It has a reason for what else it ends."""
    close, trail = case.close, case.trail
    if close is None or close.received is None or close.initiator != "remote" or trail.disconnect is not None:
        return
    mute = close.received.code == 1000 and not close.received.reason and trail.error is None
    if not mute or "rabbitmq" not in trail.server.lower() or trail.beat_out_s:
        return
    if case.idle_tx < LEAST_IDLE_S or case.idle_tx < 1.5 * trail.longest_out_s:
        return
    lines, idle = case.lines(trail.last_out, trail.close_in), round(case.idle_tx, 2)
    case.blame(
        "idle-timeout-server", "server", 2 * STRONG, "cowboy_idle", lines, idle=idle,
        product=("RabbitMQ", "web_stomp.ws_opts.idle_timeout"),
    )  # fmt: skip
    case.doubt("normal-close", UNLIKELY, "cowboy_idle", lines, idle=idle)


RULES = (broker_serves_another, vhost_serves_another, destination_taken, cowboy_idle)
