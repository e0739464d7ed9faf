"""What a protocol inside the messages says: MQTT's codes and keep-alive, Engine.IO's pings."""

from collections.abc import Mapping
from typing import Any

from tui.diagnosis.case import FITS, IDLE_TIMERS, SAID, STRONG, UNLIKELY, Case
from tui.diagnosis.rules.clocks import mute
from tui.facts.findings import Blame

MQTT_REASONS: Mapping[int, tuple[str, Blame]] = {
    0x80: ("server-error", "server"), 0x81: ("protocol-error", "client"), 0x82: ("protocol-error", "client"),
    0x83: ("server-error", "server"), 0x84: ("version-mismatch", "client"), 0x85: ("protocol-error", "client"),
    0x86: ("auth-failed", "client"), 0x87: ("auth-failed", "client"), 0x88: ("try-again-later", "server"),
    0x89: ("try-again-later", "server"), 0x8A: ("admin-kill", "server"), 0x8B: ("going-away", "server"),
    0x8C: ("auth-failed", "client"), 0x8D: ("client-heartbeat-missed", "client"), 0x8E: ("duplicate-session", "server"),
    0x93: ("protocol-error", "client"), 0x95: ("message-too-big", "client"), 0x96: ("rate-limited", "client"),
    0x97: ("rate-limited", "client"), 0x98: ("admin-kill", "server"), 0x9F: ("rate-limited", "client"),
    0xA0: ("connection-lifetime", "server"),
}  # fmt: skip
"""By reason code (MQTT 5.0 §2.4): the cause it names, and its side."""

INVALID_UTF8 = 1007
"""Text that is no UTF-8 (RFC 6455 §7.4.1)."""

KEEP_ALIVE_TIMES = 1.5
"""Keep-alives after which an MQTT server ends a silent connection (MQTT 3.1.1 §3.1.2.10)."""


def mqtt_said(case: Case) -> None:
    """An MQTT server gave its reason: in a CONNACK, or in a DISCONNECT (MQTT 5)."""
    close, said = case.close, case.trail.inner.mqtt_said
    if close is None or said is None or close.initiator == "local":
        return
    mark, code = said
    if code.reason in MQTT_REASONS:
        cause, side = MQTT_REASONS[code.reason]
        case.blame(cause, side, SAID, "mqtt_said", [mark.n], packet=code.packet, code=f"0x{code.reason:02x}")


def mqtt_keep_alive(case: Case) -> None:
    """Our CONNECT promised a packet every so often, and none came for one and a half times that."""
    close, connect, trail = case.close, case.trail.inner.mqtt, case.trail
    if close is None or connect is None or not connect.keep_alive_s or close.initiator == "local":
        return
    if case.idle_tx < KEEP_ALIVE_TIMES * connect.keep_alive_s - 0.1 or trail.inner.mqtt_said is not None:
        return
    lines = case.lines(trail.last_out, trail.act)
    args: dict[str, Any] = {"idle": round(case.idle_tx, 1), "every": connect.keep_alive_s}
    case.blame("client-heartbeat-missed", "client", 4 * STRONG, "mqtt_keep_alive", lines, **args)
    case.doubt((*IDLE_TIMERS, "abrupt-close"), UNLIKELY, "mqtt_keep_alive", lines, **args)


def mqtt_left(case: Case) -> None:
    """Our DISCONNECT: the server closes upon it (MQTT 3.1.1 §3.14.4)."""
    close, left = case.close, case.trail.inner.mqtt_left
    if close is not None and left is not None and close.initiator == "remote" and case.at - left.m < 2.0:
        case.blame("normal-close", "client", SAID, "mqtt_left", [left.n, *case.lines(case.trail.act)])


def engine_io_ping(case: Case) -> None:
    """An Engine.IO server pinged ("2") and we did not answer ("3"): a Socket.IO client does, a raw session does not."""
    close, ping = case.close, case.trail.inner.engine_io_ping
    if close is None or ping is None or close.initiator == "local":
        return
    if case.at - ping.m < 0.9 * case.trail.inner.ping_timeout_s:
        return
    lines, waited = [ping.n, *case.lines(case.trail.act)], round(case.at - ping.m, 1)
    case.blame("server-ping-timeout", "client", 4 * STRONG, "engine_io_ping", lines, waited=waited)
    for cause in ("idle-timeout-server", "normal-close", "abrupt-close", "idle-timeout-proxy"):
        case.doubt(cause, UNLIKELY, "engine_io_ping", lines, waited=waited)


def asked_in_vain(case: Case) -> None:
    """An application asked by messages of its own whether we live, and we never said so: a page's script would have."""
    close, asked = case.close, case.trail.inner.asked
    if close is None or asked is None or close.initiator == "local" or case.trail.ready is None:
        return
    if not case.cut and (close.received is None or not mute(close.received)):
        return
    lines, count = case.lines(asked.first, asked.last, case.trail.act), asked.often
    case.blame("server-ping-timeout", "client", STRONG if count > 1 else FITS, "asked_in_vain", lines, count=count)
    for cause in ("server-abort", "admin-kill", "abrupt-close") if count > 1 else ():
        case.doubt(cause, UNLIKELY, "asked_in_vain", lines, count=count)


def socket_io_not_joined(case: Case) -> None:
    """A Socket.IO server waits only so long (``connectTimeout``, 45 s) for a client to join a namespace ("40")."""
    close, inner = case.close, case.trail.inner
    if close is None or not inner.engine_io or inner.socket_io_joined or close.initiator == "local":
        return
    lines = case.lines(case.trail.ready, case.trail.act)
    case.blame(
        "idle-timeout-server", "client", 4 * STRONG, "socket_io_not_joined", lines, age=round(case.age or 0.0, 1)
    )


def not_its_protocol(case: Case) -> None:
    """The end followed a message of ours that is none of the protocol the server speaks inside."""
    close, strange = case.close, case.trail.inner.strange
    if close is None or strange is None or close.initiator == "local" or case.at - strange.m > 1.0:
        return
    if close.code == INVALID_UTF8:
        return  # it is not even text
    lines = [strange.n, *case.lines(case.trail.act)]
    case.blame("protocol-error", "client", 4 * STRONG, "not_its_protocol", lines)
    case.doubt("normal-close", UNLIKELY, "not_its_protocol", lines)


RULES = (mqtt_said, mqtt_keep_alive, mqtt_left, engine_io_ping, asked_in_vain, socket_io_not_joined, not_its_protocol)
