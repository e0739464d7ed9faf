"""Did the peer say why: STOMP ERROR, then SockJS's ``c``, then the reason of a Close frame, then what it said last."""

import re
from typing import Any

import msgspec

from tui.diagnosis.case import EXCLUDED, FITS, HINT, SAID, STRONG, Case
from tui.knowledge.sayings import Saying, meant

QUOTED = 120
"""Characters of a peer's words that a claim repeats."""

LAST_WORDS_S = 2.0
"""Seconds before the end within which a message may be a goodbye."""

REFUSABLE = ("SEND", "SUBSCRIBE", "ACK", "NACK", "BEGIN", "COMMIT", "ABORT", "UNSUBSCRIBE")
REFUSED_S = 0.25
"""Frames of ours that a broker may refuse, and the seconds within which it does."""

LARGE = 1024
"""Bytes from which a message that is the largest so far may be over a broker's limit."""

POLL_GAP_S = 1.5
"""Seconds without a request that a server may take for the end of a session (its disconnect delay, 5 s by default)."""

GOING_AWAY = 1001
"""An endpoint leaves, a server that goes down for one (RFC 6455 §7.4.1): to come back or not."""

INTERNAL = 1011
"""The server met what it could not handle (RFC 6455 §7.4.1)."""

GOODBYE = re.compile(
    r'^\s*[\[{].*("(error|errors|fault|disconnect|error_?message)"\s*:|"success"\s*:\s*false|'
    r'"(code|errno|err_?code|error_code)"\s*:\s*"?-?([45]\d\d|[1-9]\d{3,})\b|'
    r'"(type|event|op|kind|action|status|t)"\s*:\s*"[^"]*'
    r"(error|kick|bye|disconnect|clos|shutdown|terminat|expire|reject|denied|replac|maintenance|limit|evict|ban|slow|"
    r'go.?away|logout|notice|fail|max_|timeout))|^\s*\["(NOTICE|CLOSED|OK)"|^(:\S+ )?(ERROR|NOTICE \S+) :',
    re.IGNORECASE | re.DOTALL,
)
"""A message that speaks of an error or of an end: applications name their JSON so, Nostr's relays and IRC's servers
have a form of their own."""

TOLD = re.compile(
    r'"(?:reason|message|msg|text|description|detail|ret_msg|error_?message)"\s*:\s*"([^"]+)"', re.IGNORECASE
)
"""Where such JSON says it in words."""

SHORT = 80
"""Characters of a message that is no more than a goodbye."""

ANSWERED = frozenset({
    "auth-failed", "auth-expired", "session-expired", "rate-limited", "origin-rejected", "version-mismatch",
    "upstream-down", "upstream-timeout", "broker-unavailable",
})  # fmt: skip
"""What of a Close's reasons an upgrade may be refused for, beyond what its status says."""

NO_WORD = re.compile(r'[\[\]{}":,_]+')
"""What stands between the words of such a message."""

_TIMES = {"said": SAID, "strong": STRONG, "fits": FITS}


def stomp_error(case: Case) -> None:
    """The last ERROR frame outranks everything below it."""
    error = case.trail.error
    if error is None or _after_own_disconnect(case):
        return
    message = error.header("message")
    body = error.frame.body.decode("utf-8", "replace").rstrip("\0\r\n ")
    if _spring_session_closed(case, message):
        return
    # RabbitMQ's message is a heading ("Bad CONNECT"); what it means stands in the body.
    said = f"{message}\n{body}"
    saying = meant("error", said)
    if saying is not None and saying.cause == "permission-denied" and case.trail.connected is None:
        # Spring's interceptors refuse a login with the same words as a destination.
        case.blame("auth-failed", "client", STRONG, "refused_login", [error.n], text=f"{message} · {body}"[:QUOTED])
    quoted = " · ".join(part for part in (message, body) if part)[:QUOTED]
    if saying is not None and saying.cause == "client-heartbeat-missed" and not case.trail.beat_out_s:
        # Artemis says it of any client that was silent for its TTL, beats agreed or not.
        case.blame("idle-timeout-server", "server", SAID, "said_error", [error.n], text=quoted)
    elif saying is not None:
        by_saying(case, saying, "said_error", [error.n], quoted)
        if saying.cause == "vhost-not-found":
            # RabbitMQ has the same words for a virtual host that this user may not enter (measured).
            case.blame("permission-denied", "config", FITS, "vhost_words", [error.n])
            if case.trail.connected is not None:
                case.blame("admin-kill", "server", 1.5 * STRONG, "vhost_deleted", [error.n])
    else:
        case.blame("server-error", "server", HINT, "said_error", [error.n], text=quoted)
        case.blame("protocol-error", "client", HINT, "said_error", [error.n], text=quoted)


def _spring_session_closed(case: Case, message: str) -> bool:
    """Spring's SimpleBroker says "Session closed." for two things only: our DISCONNECT and missed beats of ours
    (StompSubProtocolHandler, SimpleBrokerMessageHandler)."""
    if message.strip() != "Session closed.":
        return False
    trail, n = case.trail, case.trail.beat_out_s
    lines = case.lines(trail.error, trail.last_beat_out)
    if trail.connected is None:
        # It answers no CONNECT whose versions it does not speak, and drops the client for the beats it never agreed.
        lines = case.lines(trail.connect, trail.error)
        case.blame("version-mismatch", "client", STRONG, "closed_before_connected", lines)
        case.blame("handshake-timeout", "server", FITS, "closed_before_connected", lines)
        return True
    if n and max(case.idle_tx, trail.longest_out_s) <= 1.5 * n:
        # The peer says beats were missed, and they were not: its inbound executor was starved (§4 entry 15).
        case.blame("server-freeze", "server", 2 * STRONG, "session_closed_punctual", lines)
        case.blame("client-heartbeat-missed", "client", FITS, "session_closed", lines)
    elif n:
        case.blame(
            "client-heartbeat-missed", "client", SAID, "session_closed", lines,
            product=("Spring SimpleBroker", "enableSimpleBroker(…).setHeartbeatValue, setTaskScheduler"),
        )  # fmt: skip
    else:
        case.blame("server-error", "server", FITS, "session_closed_no_beats", lines)
    return True


def _after_own_disconnect(case: Case) -> bool:
    return (
        case.trail.disconnect is not None
        and case.trail.error is not None
        and (case.trail.disconnect.m <= case.trail.error.m)
    )


def stomp_died(case: Case) -> None:
    """RabbitMQ's web-stomp says 1000 "STOMP died" for missed beats, a login that took too long, a kick, a fatal ERROR
    and after DISCONNECT (rabbit_web_stomp_handler.erl): what else happened tells which."""
    close, trail = case.close, case.trail
    if close is None or close.reason != "STOMP died" or trail.disconnect is not None or trail.error is not None:
        return
    lines = case.lines(trail.close_in)
    setting = ("RabbitMQ", "heart-beat header; web_stomp, stomp.login_timeout")
    if trail.connected is None:
        case.blame("stomp-connect-missing", "client", STRONG, "stomp_died", lines, product=setting)
    elif trail.beat_out_s and case.idle_tx > 1.5 * trail.beat_out_s:
        case.blame("client-heartbeat-missed", "client", STRONG, "stomp_died", lines, product=setting)
    else:
        sent = trail.last_stomp_out
        new = sent is not None and not trail.said_again  # what it took before it takes again
        if sent is not None and new and sent.frame.command in REFUSABLE and 0 <= case.at - sent.m < REFUSED_S:
            # What it refuses it may refuse without an ERROR (measured: 12 of 12 over web-stomp).
            named: dict[str, Any] = {"command": sent.frame.command, "destination": sent.header("destination") or "–"}
            refused = case.lines(sent, trail.close_in)
            size = trail.sends[-1].size if trail.sends else 0
            if size >= LARGE and size > 2 * max((one.size for one in list(trail.sends)[:-1]), default=0):
                case.blame("message-too-big", "client", 3 * STRONG, "large_message", refused, bytes=size)
            case.blame("permission-denied", "config", 2 * STRONG, "died_at", refused, **named)
            case.blame("destination-not-found", "client", STRONG, "died_at", refused, **named)
        case.blame(
            "admin-kill", "server", STRONG, "stomp_died", lines,
            product=("RabbitMQ", "rabbitmqctl close_connection, close_all_connections; management UI"),
        )  # fmt: skip
        case.doubt("normal-close", 0.2, "stomp_died", lines)


def sockjs_close(case: Case) -> None:
    """SockJS's ``c[code,"reason"]`` is the truth; the WebSocket Close below it is often another."""
    close = case.close
    said = close.sockjs if close is not None else None
    if close is None or said is None or close.initiator == "local":
        return
    _say(case, "said_sockjs", said.reason, said.code, case.lines(case.trail.end))


def close_reason(case: Case) -> None:
    """The text of the Close frame the peer sent first."""
    close = case.close
    if close is None or close.received is None or close.initiator == "local" or not close.received.reason:
        return
    if close.received.reason == "STOMP died" or case.trail.disconnect is not None:
        return
    mark = case.trail.close_in
    if mark is not None and any(mark.n in flaw.lines for flaw in case.trail.flaws_in):
        return  # no Close, but bytes that were read as one
    _say(case, "said_reason", close.received.reason, close.received.code, case.lines(case.trail.close_in))


def said_in_answer(body: str) -> Saying | None:
    """What the body of an HTTP answer says; JSON may say it in the words of a Close's reason."""
    saying = meant("http", body)
    if saying is None and body.lstrip().startswith("{"):
        told = [saying for words in TOLD.findall(body) if (saying := meant("reason", words))]
        return next((msgspec.structs.replace(one, how="strong") for one in told if one.cause in ANSWERED), None)
    return saying


def _goodbye(text: str, *, plain: bool) -> Saying | None:
    """What a JSON message that speaks of an error, or of an end, says in the words of a Close's reason. So may a short
    one that is no JSON, where that is ``plain`` text: it may as well be what users say to each other."""
    enveloped = GOODBYE.search(text) is not None
    if not enveloped and (not plain or len(text) > SHORT or text.lstrip().startswith(("{", "["))):
        return None
    told = (*TOLD.findall(text), NO_WORD.sub(" ", text).strip()) if enveloped else (text.strip(),)
    saying = next((saying for words in told if (saying := meant("reason", words))), None)
    if saying is None or not (enveloped or saying.how == "said"):
        return None
    return msgspec.structs.replace(saying, how="strong" if enveloped else "fits")


def last_words(case: Case) -> None:
    """A goodbye inside the protocol, right before the end."""
    close = case.close
    if close is None or close.initiator == "local" or case.trail.ready is None:
        return
    for heard in reversed(case.trail.heard):
        if case.at - heard.m > LAST_WORDS_S:
            return
        answer = case.trail.answer is not None and case.trail.answer.n == heard.n  # its status says more
        plain = not (case.trail.session.spoken.stomp or case.trail.session.spoken.sockjs)
        saying = meant("message", heard.text) or (_goodbye(heard.text, plain=plain) if not answer else None)
        if saying is not None:
            by_saying(case, saying, "said_message", [heard.n], heard.text[:QUOTED])
            return


def _say(case: Case, key: str, text: str, code: int | None, lines: list[int]) -> None:
    saying = meant("reason", text, code)
    if saying is None or (code == INTERNAL and saying.cause == "try-again-later"):
        return  # what is unavailable there is the server's own fault, not its room
    by_saying(case, saying, key, lines, text[:QUOTED])
    if saying.cause == "server-restart" and code == GOING_AWAY:
        case.blame("going-away", "server", SAID, key, lines, text=text[:QUOTED])


def by_saying(case: Case, saying: Saying, key: str, lines: list[int], quoted: str) -> None:
    """Blames the cause that a saying names, as far as it names it."""
    product = (saying.product, saying.setting) if saying.product else None
    case.blame(saying.cause, saying.side, _TIMES[saying.how], key, lines, product=product, text=quoted)
    if saying.cause == "going-away":
        case.blame("server-restart", "server", 4 * FITS, key, lines, text=quoted)  # it may come back
    if saying.cause == "session-expired":
        case.blame("auth-expired", "server", 4 * FITS, key, lines, text=quoted)  # people call a login a session
    if saying.how == "said" and saying.cause not in ("normal-close",):
        case.doubt("normal-close", EXCLUDED, key, lines, text=quoted)


def gone_away(case: Case) -> None:
    """SockJS says "Go away!" for a close of the application without a code of its own, and to a client that did not
    poll for the disconnect delay (sockjs-protocol; Spring's default, sockjs-node 5 s)."""
    close = case.close
    said = close.sockjs if close is not None else None
    if said is None or said.reason != "Go away!" or case.trail.error is not None:
        return  # an ERROR before it said more
    lines, gap = case.lines(case.trail.end), case.unpolled_s
    if gap > POLL_GAP_S:
        case.blame("session-expired", "client", 2 * STRONG, "not_polled", lines, gap=round(gap, 1))
    else:
        case.blame("server-close", "server", STRONG, "go_away", lines)
        case.blame("normal-close", "server", HINT, "go_away", lines)
    case.doubt("auth-failed", EXCLUDED, "go_away", lines)


RULES = (gone_away, stomp_error, stomp_died, sockjs_close, close_reason, last_words)
