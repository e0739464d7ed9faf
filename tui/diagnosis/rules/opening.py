"""Did it ever open: what came instead of an open session."""

import re
from collections.abc import Mapping

from tui.diagnosis.between import listening, proxied
from tui.diagnosis.case import FITS, HINT, SAID, STRONG, UNLIKELY, Case
from tui.diagnosis.rules.reaching import failed
from tui.diagnosis.rules.words import QUOTED, by_saying, said_in_answer
from tui.diagnosis.trail import Trail
from tui.facts.findings import Blame
from tui.knowledge import banners, relays
from tui.knowledge.sayings import meant

LOGIN_QUERY = re.compile(r"[?&](\w*token|jwt|api_?key|auth|ticket)=", re.IGNORECASE)
LOGIN = re.compile(r"log-?in|sign-?in|auth|sso", re.IGNORECASE)
"""Words in the address that somebody is sent to who is not known."""

LATE_MS = 1000.0
"""Milliseconds after which a proxy's answer for a server is that of a timer."""

LARGE_REQUEST = 7 * 1024
"""Bytes of headers from which a server may refuse a request for its size."""

LARGISH_REQUEST = 2 * 1024
"""Bytes of headers that somebody's own limit may refuse."""

STATUSES: Mapping[int, tuple[str, Blame, float]] = {
    401: ("auth-failed", "client", SAID), 403: ("forbidden", "config", STRONG), 404: ("not-found", "client", SAID),
    407: ("proxy-auth", "config", SAID),
    408: ("handshake-timeout", "server", STRONG), 410: ("not-found", "client", STRONG),
    421: ("upgrade-rejected", "server", FITS),
    429: ("rate-limited", "client", SAID), 431: ("headers-too-big", "config", SAID),
    495: ("tls-handshake-failed", "config", STRONG),
    496: ("tls-client-cert-required", "config", SAID), 497: ("tls-expected", "client", SAID),
    501: ("not-websocket", "config", STRONG), 502: ("upstream-down", "server", SAID),
    504: ("upstream-timeout", "server", SAID), 511: ("proxy-auth", "config", STRONG),
    520: ("upstream-down", "server", STRONG), 521: ("upstream-down", "server", SAID),
    522: ("upstream-timeout", "server", SAID), 523: ("upstream-down", "server", STRONG),
    524: ("upstream-timeout", "server", SAID), 525: ("upstream-down", "server", STRONG),
    526: ("upstream-down", "server", STRONG), 530: ("upstream-down", "server", STRONG),
}  # fmt: skip
"""What an HTTP status on the upgrade names (RFC 9110 §15, RFC 6585; 49x are nginx's, 52x and 530 Cloudflare's)."""

UNKNOWN_COMMAND = "note.stomp_flaw_unknown_command"
"""What the session notes of a STOMP frame whose command is none."""


def http_status(case: Case) -> None:
    """The upgrade was answered with a status of its own."""
    close, answer = failed(case), case.trail.answer
    if close is None or answer is None or answer.status in (None, 101) or close.transport.how != "http":
        return
    if case.trail.fold.transport_at is not None:
        return  # a later request, of a SockJS session that has its ``o``
    assert answer.status is not None
    status, lines = answer.status, case.lines(answer)
    body = answer.body or ""
    saying = said_in_answer(body)
    request = case.trail.request
    if "Transport unknown" in body and request is not None and "transport=websocket" in (request.target or ""):
        case.blame("websocket-disabled", "config", STRONG, "transport_unknown", lines)
    if saying is not None and not (saying.cause == "server-unavailable" and status != 503):
        by_saying(case, saying, "said_http", lines, body.strip()[:QUOTED])
        status_times = HINT
    else:
        status_times = 0.0
    _by_status(case, status, lines, body, status_times)


def large_request(case: Case) -> None:
    """A request with headers beyond what servers take (Node 16 KiB, Tomcat 8 KiB, HAProxy 15 KiB, uvicorn 64 KiB) that
    was answered with a refusal that names nothing, cut, or not answered."""
    close, request, answer = failed(case), case.trail.request, case.trail.answer
    if close is None or request is None or (answer is not None and answer.status in (101, 401, 403, 404, 503)):
        return
    size = request.size or sum(len(name) + len(value) + 4 for name, value in request.headers)
    if size >= LARGE_REQUEST:
        refused = answer is not None and answer.status is not None
        case.blame(
            "headers-too-big", "config", 4 * STRONG if refused else STRONG, "large_request",
            case.lines(request, answer, case.trail.end), bytes=size,
        )  # fmt: skip
    elif size >= LARGISH_REQUEST and answer is not None and answer.status in (400, 413):
        case.blame("headers-too-big", "config", 1.2 * FITS, "large_request", case.lines(request, answer), bytes=size)


def _by_status(case: Case, status: int, lines: list[int], body: str, weaker: float) -> None:
    trail = case.trail

    def blame(cause: str, side: Blame, times: float, key: str = "http_status") -> None:
        case.blame(cause, side, weaker or times, key, lines, status=status)

    if 300 <= status < 400:
        blame("redirect", "config", SAID)
        if LOGIN.search(trail.answered("location")):
            before = case.world.history or any(one.same_door and one.trail.ready for one in case.world.neighbours)
            blame("session-expired" if before else "auth-failed", "client", STRONG, "http_login")
    elif status == 403:
        _forbidden(case, lines, weaker)
    elif status == 400:
        if "SSL certificate" in body:
            blame("tls-client-cert-required", "config", FITS)
        blame("upgrade-rejected", "server", 1.5 * FITS)
        # Gorilla's server names its version with each refusal of what it does not take for an upgrade.
        unasked = bool(trail.answered("sec-websocket-version"))
        blame("proxy-strips-upgrade", "proxy", STRONG if unasked else 0.8 * FITS)
        if not case.trail.session.spoken.sockjs:
            blame("not-found", "client", FITS, "http_400_path")  # Node's ws answers another path so
    elif status == 405:
        blame("upgrade-rejected", "server", STRONG)
        blame("not-websocket", "config", 2 * FITS)
    elif status == 500:
        blame("upgrade-rejected", "server", STRONG)
        blame("server-error", "server", 2 * FITS)
    elif status == 426:
        if versions := trail.answered("sec-websocket-version"):
            # What it wants is what we said: something on the way said another.
            ours = trail.asked("sec-websocket-version") in [one.strip() for one in versions.split(",")]
            blame("version-mismatch", "server" if ours else "client", SAID, "http_426_version")
        else:
            blame("proxy-strips-upgrade", "proxy", STRONG)
    elif status == 503:
        _unavailable(case, lines, weaker)
    elif 200 <= status < 300:
        page = "<html" in body.lower() or "<!doctype" in body.lower()
        blame("not-websocket", "config", STRONG, "http_page" if page else "http_status")
        blame("proxy-strips-upgrade", "proxy", FITS)
    elif status == 505:
        blame("proxy-strips-upgrade", "proxy", STRONG)  # the request reached it as HTTP/1.0
        blame("upgrade-rejected", "server", FITS)
    elif status in STATUSES:
        cause, side, times = STATUSES[status]
        blame(cause, side, times)
        if status == 502 and trail.answer is not None and (trail.answer.ms or 0) >= LATE_MS:
            blame("upstream-timeout", "server", STRONG, "http_502_late")  # Apache's ProxyTimeout says so
        if status == 404 and proxied(case):
            blame("proxy-strips-upgrade", "proxy", FITS)  # what is no upgrade any more has no route
        if cause == "not-found" and times < SAID:
            blame("upgrade-rejected", "server", FITS)
        if cause == "not-found" and _foreign_origin(trail):
            blame("origin-rejected", "config", STRONG, "http_origin_404")
    else:
        blame("upgrade-rejected", "server", STRONG)


def _unavailable(case: Case, lines: list[int], weaker: float) -> None:
    """503: the server's own, a proxy's that has nobody behind it, or one visitor too many."""
    trail = case.trail
    maintenance = bool(trail.answered("retry-after"))
    # A proxy has a page of its own; a server says it in its own way. Of a dead backend nginx says 502: its own 503 is
    # an order or a limit, except in Kubernetes' ingress, which hides its version.
    itself = (
        (bool(trail.http_server) and not relays.proxy(trail.http_server))
        or "json" in trail.answered("content-type")
        or trail.http_server.startswith("nginx/")
    )
    fronted = bool(trail.answered("via")) or (bool(proxied(case)) and not itself)
    unknown = not trail.http_server and listening(case) is None
    behind_down = weaker or (STRONG if fronted or unknown else FITS)
    case.blame("upstream-down", "server", behind_down, "http_status", lines, status=503)
    itself_down = weaker or (STRONG if maintenance or not fronted else HINT)
    case.blame("server-unavailable", "server", itself_down, "http_status", lines, status=503)
    if living := [one for one in case.world.neighbours if one.same_door and one.lives]:
        limit = case.lines(trail.answer, *(one.trail.ready for one in living))
        times = FITS if maintenance and itself else 2 * STRONG  # no limit says when it will be over
        case.blame("rate-limited", "client", times, "http_503_beside", limit, names=living[0].name)
        case.doubt("upstream-down", UNLIKELY, "http_503_beside", limit, names=living[0].name)


def _forbidden(case: Case, lines: list[int], weaker: float) -> None:
    """403 because of Origin: a server that checks it says so only to a request that has a foreign one."""
    origin, foreign = case.trail.asked("origin"), _foreign_origin(case.trail)
    ready = [one for one in case.world.neighbours if one.same_server and one.trail.ready is not None]
    if origin and any(one.trail.asked("origin") == origin for one in ready):
        foreign = False  # it is welcome
    if foreign:
        case.blame("origin-rejected", "config", weaker or 2 * STRONG, "http_origin", lines, origin=origin[:QUOTED])
    elif origin and case.trail.answered("sec-websocket-version"):
        # Gorilla's upgrader refuses nothing but an Origin with 403, and names its version with each refusal.
        said = origin[:QUOTED]
        case.blame("origin-rejected", "config", weaker or 5 * STRONG, "http_origin_refused", lines, origin=said)
    elif not origin:
        case.blame("origin-rejected", "config", weaker or HINT, "http_no_origin", lines)
        login = FITS if _has_login(case.trail) else HINT
        case.blame("auth-failed", "client", weaker or login, "http_status", lines, status=403)
    case.blame("forbidden", "config", weaker or (FITS if foreign else 2 * STRONG), "http_status", lines, status=403)
    if not foreign and "envoy" in proxied(case).lower():
        # Envoy's own answer where no upgrade is configured, and only there without a word (measured).
        case.blame("websocket-disabled", "config", weaker or STRONG, "http_envoy_403", lines)


def _has_login(trail: Trail) -> bool:
    """Whether the request brought something to be let in by."""
    target = trail.request.target if trail.request is not None else None
    return bool(trail.asked("authorization") or LOGIN_QUERY.search(target or ""))


def _foreign_origin(trail: Trail) -> bool:
    """Whether the request named an origin that is not the host's own."""
    origin = trail.asked("origin")
    return bool(origin) and origin.rpartition("//")[2] != trail.asked("host")


def websocket_off(case: Case) -> None:
    """SockJS's ``/info`` said that WebSocket is off, and we were to use nothing else."""
    close, note = failed(case), case.trail.unwebsocketed
    if close is not None and note is not None and close.transport.detail == "sockjs-no-transport":
        case.blame("websocket-disabled", "config", SAID, "websocket_off", [note.n, *case.lines(case.trail.end)])


def info_unreadable(case: Case) -> None:
    """Something answered SockJS's ``/info``, and not with what SockJS says: a web application with a page for
    everything."""
    close, note = failed(case), case.trail.info_unreadable
    if close is not None and note is not None and close.transport.how == "http":
        case.blame("not-websocket", "config", 3 * STRONG, "info_unreadable", [note.n, *case.lines(case.trail.end)])


def stream_held_back(case: Case) -> None:
    """``/info`` was answered, and of the stream at the same place came nothing, or nothing but its head: something in
    between waits for its end (§4 entry 34)."""
    close, trail = failed(case), case.trail
    tried, answer = trail.transport, trail.answer
    if close is None or tried is None or tried.name != "xhr-streaming" or answer is None or answer.status != 200:
        return
    if close.transport.how == "timeout" or close.transport.detail == "open-timeout":
        case.blame("proxy-buffering", "proxy", 2 * STRONG, "stream_held", case.lines(answer, tried, trail.end))


def broken_handshake(case: Case) -> None:
    """A 101 that breaks the rules of RFC 6455 §4.1."""
    close, answer = failed(case), case.trail.answer
    if close is None or close.transport.how != "handshake":
        return
    words = close.transport.detail or ""
    cause = "subprotocol-mismatch" if "subprotocol" in words.lower() else "handshake-invalid"
    side: Blame = "config" if cause == "subprotocol-mismatch" else "server"
    case.blame(cause, side, SAID, "handshake_invalid", case.lines(answer), error=words[:QUOTED])


def another_protocol(case: Case) -> None:
    """The first bytes that came identify what listens there."""
    close, trail = failed(case), case.trail
    if close is None:
        return
    came, lines = _first_bytes(case)
    if not came:
        return
    name = banners.protocol(came)
    if name == "TLS":
        case.blame("tls-expected", "client", SAID, "tls_record_came", lines)
        return
    websocket = not trail.session.spoken.tcp
    if name is None or (name == "HTTP" and websocket) or (name == "STOMP" and not websocket):
        if websocket and trail.answer is not None and trail.answer.status is None:
            case.blame("not-websocket", "config", STRONG, "no_http", lines, text=came[:40])
        return
    saying = meant("http", came)
    if saying is not None and saying.cause == "tls-expected":
        case.blame("tls-expected", "client", SAID, "said_http", lines, text=came.strip()[-QUOTED:])
        return
    case.blame("wrong-port", "client", SAID, "banner", lines, protocol=name, text=came.strip()[:40])


def another_program(case: Case) -> None:
    """The program that listens there, on this machine, is known as the server of another protocol."""
    program = listening(case)
    protocol = banners.PROGRAMS.get(program or "")
    if failed(case) is not None and protocol is not None:
        lines = case.lines(case.trail.route, case.trail.end)
        case.blame("wrong-port", "client", 4 * STRONG, "another_program", lines, program=program, protocol=protocol)


def _first_bytes(case: Case) -> tuple[str, list[int]]:
    answer = case.trail.answer
    if answer is not None and answer.status is None:
        return answer.raw or "", case.lines(answer)
    first = case.trail.first_in
    return (first.text, [first.n]) if first is not None and case.trail.session.spoken.tcp else ("", [])


def no_answer(case: Case) -> None:
    """Connected, and then nothing: the upgrade, the SockJS ``o`` or the STOMP CONNECTED never came."""
    close, trail = failed(case), case.trail
    if close is None or close.transport.phase not in ("http", "open") or trail.error is not None:
        return
    lines = case.lines(trail.tcp, trail.request, trail.connect, trail.end)
    came = trail.answer is not None or trail.first_in is not None
    if close.transport.how == "timeout" or close.transport.detail in ("open-timeout", "close-timeout"):
        if case.kernel.undelivered is not None:
            case.blame("network-blackhole", "network", STRONG, "undelivered", case.lines(case.kernel.last, trail.end))
        case.blame("handshake-timeout", "server", STRONG, "no_answer", lines)
        if (note := next((note for note in trail.flaws_in if note.key == UNKNOWN_COMMAND), None)) is not None:
            case.blame("protocol-error", "server", 2 * STRONG, "answered_otherwise", note.lines, **note.args)
            case.blame("wrong-port", "client", STRONG, "answered_otherwise", note.lines, **note.args)
        if not came:
            case.blame("wrong-port", "client", HINT, "another_waits", lines)
            if trail.request is not None and (trail.request.target or "/").rstrip("/"):
                case.blame("not-found", "client", 1.2 * HINT, "nobody_at_the_path", lines)
        if not came and not trail.session.spoken.tls:
            case.blame("tls-expected", "client", HINT / 2, "no_answer", lines)
    elif close.transport.how in ("fin", "reset") and not came:
        if close.transport.alert is not None:
            return
        if trail.tls is not None and trail.tls.ok and trail.tls.version == "TLSv1.3":
            given = "cert" in trail.session.spec
            times = 2 * STRONG if given else FITS
            case.blame("tls-handshake-failed", "config", times, "cut_after_tls13", lines)
            case.blame("tls-client-cert-required", "config", times / 2, "cut_after_tls13", lines)
        if close.transport.how == "reset":
            case.blame("tcp-reset", "network", FITS, "cut_unanswered", lines)
        if close.transport.how == "fin" and (unheard := case.kernel.unheard):
            case.blame("upstream-down", "server", STRONG, "hung_up_unheard", case.lines(unheard, trail.end))
            for cause in ("not-websocket", "tls-expected", "wrong-port"):
                case.doubt(cause, UNLIKELY, "hung_up_unheard", case.lines(unheard, trail.end))
        case.blame("not-websocket", "config", FITS, "cut_unanswered", lines)
        case.blame("server-crash", "server", HINT, "cut_unanswered", lines)
        if server := proxied(case):
            case.blame("upstream-down", "server", 2 * STRONG, "proxy_hung_up", lines, server=server)
        case.blame("wrong-port", "client", HINT, "another_waits", lines)
        if not trail.session.spoken.tls:
            case.blame("tls-expected", "client", FITS, "cut_unanswered", lines)
    elif close.transport.how in ("fin", "reset") and close.received is None and trail.connect is not None:
        if banners.protocol(_first_bytes(case)[0]) not in (None, "STOMP"):
            return
        case.blame("auth-failed", "client", FITS, "cut_after_connect", lines)
        case.blame("vhost-not-found", "client", HINT, "cut_after_connect", lines)
        case.blame("server-crash", "server", HINT, "cut_after_connect", lines)


def given_up(case: Case) -> None:
    """We were told to stop before it had opened."""
    close = failed(case)
    if close is not None and close.transport.how == "local" and close.transport.detail == "stopped":
        case.blame("normal-close", "client", SAID, "stopped_opening", case.lines(case.trail.end))


RULES = (
    large_request, http_status, websocket_off, info_unreadable, stream_held_back, broken_handshake, another_protocol,
    another_program, no_answer, given_up,
)  # fmt: skip
