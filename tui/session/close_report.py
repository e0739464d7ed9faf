"""The close report: how a connection ended, who ended it and what was said (design §4 ``close``).

Made by ``tui.session.connection`` when the ``end`` fact comes.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from tui.facts.facts import End
from tui.facts.findings import AppView, Close, Transport
from tui.knowledge import close_codes
from tui.session.ending import Act, Ending, Side

NO_STATUS = 1005
ABNORMAL = 1006


def side_of(end: End) -> Side | None:
    """Whose ending act an ``end`` is, where no act was seen before it; None where it is nobody's."""
    match end.how:
        case "reset" if end.errno == "ECONNABORTED":
            return "local"  # no peer can cause it: the socket was destroyed on this machine (measured with ``ss -K``)
        case "fin" | "reset" | "http" | "proxy":
            return "remote"
        case "local" | "protocol" | "handshake":
            return "local"
        case "tls":
            # An alert says who gave up (RFC 8446 §6.2); without one our side could not go on.
            return "remote" if end.alert is not None and end.alert.dir == "in" else "local"
        case "timeout":
            return None if end.errno is not None else "local"
        case "dns" | "refused" | "unreachable":
            return None


class Surroundings(NamedTuple):
    """What a report needs to know of its connection besides the end."""

    ready_at: float | None
    rtt_ms: float | None
    """The round trip, as far as it is known."""
    tcp: bool
    """There was no WebSocket, and so no code."""
    sockjs: bool
    transport: str | None
    """SockJS's, where one was tried."""
    opened: bool
    """The transport had opened; SockJS's says so with ``o``."""
    url: str
    subprotocol: str
    server: str
    """The ``Server`` header of the handshake's answer."""
    error: str | None
    """The ``message`` header of the last STOMP ERROR."""


def report(end: End, ending: Ending, act: Act, around: Surroundings) -> Close:
    """The report of a connection.

    Args:
        end: its last fact.
        ending: what was seen of the end before it.
        act: the first ending act, the ``end`` itself where there was no other.
        around: the connection.
    """
    code, synthetic = _told(ending, around)
    received = ending.received
    said = ending.sockjs or received
    # RFC 6455 §7.1.4: clean is a closing handshake completed before TCP ended.
    clean = received is not None and ending.sent is not None and ending.received_error is None
    return Close(
        finding=True, t=end.t, m=end.m, s=end.s, c=end.c, n=end.n,
        code=code,
        name=None if code is None else _name(code, ending, around, ours=act.side == "local"),
        reason=said.reason if said is not None else "",
        synthetic=synthetic,
        received=received,
        sent=ending.sent,
        clean=clean,
        initiator=_initiator(ending, act, around.rtt_ms),
        transport=Transport(
            how=end.how, phase=end.phase, errno=end.errno, detail=end.detail, alert=end.alert,
            close_notify=end.close_notify, undecoded=end.undecoded, unread=end.unread, unsent=end.unsent,
        ),
        app_view=_app_view(end, ending, around, clean=clean),
        age=_seconds(around.ready_at, act.m),
        idle_rx=_seconds(act.rx_m, act.m),
        idle_tx=_seconds(act.tx_m, act.m),
        idle_any=_seconds(max((m for m in (act.rx_m, act.tx_m) if m is not None), default=None), act.m),
        asked=ending.asked,
        error=around.error,
        sockjs=ending.sockjs,
    )  # fmt: skip


def _told(ending: Ending, around: Surroundings) -> tuple[int | None, bool]:
    """The code of the report, and whether it is a stand-in. SockJS's own outranks the WebSocket's; over XHR there is
    no other."""
    if ending.sockjs is not None:
        return ending.sockjs.code, False
    if around.tcp or around.transport in ("xhr-streaming", "xhr-polling"):
        return None, False
    return _code(ending)


LOCAL_CLOSES: Mapping[str, tuple[int, str]] = {
    "sockjs-lost-session": (1006, "Server lost session"),
    "sockjs-send": (1006, "Sending error"),
    "sockjs-receive": (1006, "permanent"),
}
"""What sockjs-client 1.6 tells the page where nobody sent a code, by the ``detail`` of our end (lib/main.js)."""


def _sockjs_view(end: End, ending: Ending, around: Surroundings) -> AppView:
    """What sockjs-client would have told the page: clean only for a ``c`` frame or a close of its own."""
    if ending.sockjs is not None:
        return AppView(code=ending.sockjs.code or 1000, reason=ending.sockjs.reason, was_clean=True)
    if ending.asked:
        sent = ending.sent
        reason = sent.reason if sent is not None else ""
        code = sent.code if sent is not None else None
        return AppView(code=code or 1000, reason=reason or "Normal closure", was_clean=True)
    if not around.opened:
        reason = "All transports failed" if around.transport is not None else "Cannot connect to server"
        return AppView(code=2000 if around.transport is not None else 1002, reason=reason, was_clean=False)
    if end.detail is not None and end.detail in LOCAL_CLOSES:
        code, reason = LOCAL_CLOSES[end.detail]
        return AppView(code=code, reason=reason, was_clean=False)
    if ending.received is not None and ending.received_error is None:
        return AppView(code=_code(ending)[0], reason=ending.received.reason, was_clean=False)
    return AppView(code=ABNORMAL, reason="WebSocket connection broken", was_clean=False)


def _name(code: int, ending: Ending, around: Surroundings, *, ours: bool) -> str | None:
    said = ending.sockjs or ending.received
    reason = said.reason if said is not None else ""
    context = close_codes.Context(
        reason=reason, url=around.url, subprotocol=around.subprotocol, server=around.server, error=around.error or "",
        ours=ours and ending.sent is not None and ending.sent.code == code,
    )  # fmt: skip
    return close_codes.name(code, context)


def _seconds(since: float | None, m: float) -> float | None:
    return None if since is None else round(max(0.0, m - since), 6)


def _code(ending: Ending) -> tuple[int, bool]:
    """The WebSocket Connection Close Code (RFC 6455 §7.1.5): of the first Close frame *received*, else a stand-in."""
    if ending.received is None:
        return ABNORMAL, True
    if ending.received.code is None:
        return NO_STATUS, True
    return ending.received.code, False


def _app_view(end: End, ending: Ending, around: Surroundings, *, clean: bool) -> AppView | None:
    """What a page would have been told; None where no page can speak so."""
    if around.tcp:
        return None
    return _sockjs_view(end, ending, around) if around.sockjs else _websocket_view(ending, clean=clean)


def _websocket_view(ending: Ending, *, clean: bool) -> AppView:
    """A browser that sees a broken Close frame fails the connection (RFC 6455 §7.1.7), which is 1006 to the page."""
    if ending.received is None or ending.received_error is not None:
        return AppView(code=ABNORMAL, reason="", was_clean=False)
    return AppView(code=_code(ending)[0], reason=ending.received.reason, was_clean=clean)


def _initiator(ending: Ending, act: Act, rtt_ms: float | None) -> Literal["local", "remote", "simultaneous", "none"]:
    if act.side is None:
        return "none"
    if act.side == "local" and act.m == ending.sent_m and _crossed(ending, rtt_ms):
        return "simultaneous"
    return act.side


def _crossed(ending: Ending, rtt_ms: float | None) -> bool:
    """Whether both Close frames were under way at once (RFC 6455 §7.1.5, note).

    Ours went first, yet theirs is no echo of it and came sooner than a round trip allows.
    """
    if ending.sent is None or ending.received is None or rtt_ms is None:
        return False
    ours, theirs = ending.sent, ending.received
    echo = theirs.code == ours.code and theirs.reason in ("", ours.reason)
    gap_ms = (ending.received_m - ending.sent_m) * 1000
    return not echo and 0 <= gap_ms < rtt_ms
