"""Rows of what happened to a connection: names looked up, handshakes, commands, stalls, ends. And of what was
found out about it: a late beat, a note.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tui.facts import facts, findings
from tui.facts.facts import Unknown
from tui.knowledge.catalogue import has
from tui.view import numbers, opening
from tui.view.lines import Role
from tui.view.look import Look
from tui.view.rows import TEXT_KEPT, Kind, Row

GIVEN_UP = "ECANCELED"
"""The ``errno`` of an attempt that we gave up: another address was faster, or the open-timeout was over."""

EventFact = facts.Fact | Unknown


def event_rows(fact: EventFact, look: Look) -> list[Row]:
    """The rows of any line that is no frame; none for those that only describe (``probe``, ``target``)."""
    make = _MAKERS.get(type(fact))
    return [make(fact, look)] if make else []


def _event(
    fact: EventFact, layer: str, type_: str, text: str = "", *, key: str = "", args: Mapping[str, object] | None = None,
    bad: bool = False, kind: Kind = "event", way: str = "",
) -> Row:  # fmt: skip
    return Row(
        fact.t, fact.m, 0 if isinstance(fact, findings.Finding) else fact.n, layer, type_, kind,
        "in" if way == "in" else "out" if way == "out" else "",
        text, key=key, args=args, role="error" if bad else "text",
    )  # fmt: skip


def _words(look: Look, *parts: object) -> str:
    return look.safe(" ".join(str(part) for part in parts if part not in (None, ""))[:TEXT_KEPT])


def _resolved(fact: facts.Resolved, look: Look) -> Row:
    found = ", ".join(fact.addresses)
    return _event(
        fact, "dns", "lookup", _words(look, fact.host, fact.error or found, numbers.millis(fact.ms)),
        bad=bool(fact.error),
    )  # fmt: skip


def _route(fact: facts.Route, look: Look) -> Row:
    return _event(
        fact,
        "ip",
        "route",
        _words(look, fact.local, fact.interface, fact.remote, fact.program, fact.error),
        bad=bool(fact.error),
        kind="trace",
    )


def _tcp(fact: facts.Tcp, look: Look) -> Row:
    type_ = "attempt" if fact.errno else "open"
    text = _words(look, fact.remote, fact.errno, numbers.millis(fact.ms), fact.role if fact.role != "main" else "")
    return _event(fact, "tcp", type_, text, bad=fact.errno not in (None, GIVEN_UP))


def _proxy(fact: facts.Proxy, look: Look) -> Row:
    return _event(fact, "proxy", "answer", _words(look, fact.status, fact.error, fact.url), bad=not fact.ok)


def _tls(fact: facts.Tls, look: Look) -> Row:
    subject = fact.chain[0].subject if fact.chain else ""
    if not fact.ok:
        return _event(fact, "tls", "failed", _words(look, fact.error, subject), bad=True)
    return _event(fact, "tls", "open", _words(look, fact.version, fact.cipher, subject, numbers.millis(fact.ms)))


def _http(fact: facts.Http, look: Look) -> Row:
    if fact.method:
        return _event(fact, "http", "request", _words(look, fact.method, fact.target), way=fact.dir)
    if fact.status is None:
        return _event(fact, "http", "garbage", _words(look, fact.raw), bad=True, way=fact.dir)
    text = _words(look, fact.status, fact.phrase, "" if fact.status == 101 else fact.body)
    return _event(fact, "http", "answer", text, bad=fact.status >= 400, way=fact.dir)


def _open(fact: facts.Open, look: Look) -> Row:
    return _event(fact, "ws", "open", _words(look, fact.subprotocol, *fact.extensions))


def _command(fact: facts.Command, look: Look) -> Row:
    if fact.ok:
        return _event(fact, "you", "command", _words(look, fact.do))
    why = fact.why or ""
    said = look.say(why, fact.args) if has(why) else why
    return _event(fact, "you", "refused", _words(look, fact.do + ":", said), bad=True)


def _stop(fact: facts.Stop, _: Look) -> Row:
    return _event(fact, "probe", "stop", key=f"row_stop_{fact.why}")


def _stall(fact: facts.Stall, _: Look) -> Row:
    gap = numbers.seconds(max(fact.wall, fact.mono))
    return _event(fact, "probe", "stall", key=f"row_stall_{fact.why}", args={"gap": gap}, bad=True)


def _retry(fact: facts.Retry, _: Look) -> Row:
    return _event(
        fact, "probe", "retry", key="row_retry", args={"gap": numbers.seconds(fact.in_s), "attempt": fact.attempt}
    )  # fmt: skip


def _transport(fact: facts.Transport, look: Look) -> Row:
    why = _words(look, fact.why and look.say(f"how_{fact.why}"), fact.status)
    return _event(fact, "sockjs", "try", _words(look, fact.name, f"({why})" if why else ""), bad=bool(fact.why))


def _tcp_info(fact: facts.TcpInfo, look: Look) -> Row:
    args = {
        "unacked": fact.unacked, "retrans": fact.total_retrans, "rtt": numbers.millis(fact.rtt_ms),
        "quiet": numbers.millis(fact.last_data_ms), "state": look.safe(fact.state),
        "unsent": look.glyphs.none if fact.notsent is None else numbers.count(fact.notsent),
        "unread": numbers.count(fact.peer_unread or 0),
    }  # fmt: skip
    key = "row_tcp_unread" if fact.peer_unread else "row_tcp_info"
    return _event(fact, "tcp", "info", key=key, args=args, kind="trace")


def _postmortem(fact: facts.Postmortem, look: Look) -> Row:
    how = fact.how or ("lives" if fact.stage in ("program", "behind") else None)
    text = _words(look, fact.stage, fact.program, how, fact.status, "" if fact.ms is None else numbers.millis(fact.ms))
    return _event(fact, "after", "attempt", text, bad=not fact.ok)


def _eof(fact: facts.Eof, _: Look) -> Row:
    return _event(fact, "tcp", "FIN", key=f"row_eof_{fact.dir}", way=fact.dir)


def _end(fact: facts.End, look: Look) -> Row:
    text = _words(look, fact.errno, fact.alert and f"TLS alert {fact.alert.name}", fact.detail)
    return _event(fact, "tcp", "end", text, key=opening.how_key(fact), bad=fact.how not in ("fin", "local"))


def _unknown(fact: Unknown, look: Look) -> Row:
    line = fact.line[:TEXT_KEPT].decode("utf-8", "backslashreplace")
    return _event(fact, "?", look.safe(fact.type[:24]), look.safe(line), key="row_unknown")


def _heartbeat(fact: findings.Heartbeat, look: Look) -> Row:
    args = {
        "layer": layer_name(fact.layer, look),
        "gap": numbers.interval(fact.gap_ms or 0),
        "every": numbers.interval(fact.every_ms),
    }
    state = "off" if fact.state == "negotiated" and not fact.every_ms else fact.state
    made = _event(fact, "beat", _BEAT_TYPES[fact.state], key=f"row_beat_{state}", args=args)
    role: Role = "late" if fact.state == "late" else "dead" if fact.state == "missed" else "text"
    return replace(made, role=role)


_BEAT_TYPES = {"negotiated": "agreed", "late": "late", "missed": "missed", "recovered": "back"}


def layer_name(layer: findings.Layer, look: Look) -> str:
    """A keep-alive layer, as its timer is called."""
    up, down = look.glyphs.up, look.glyphs.down
    return {"stomp-out": f"STOMP {up}", "stomp-in": f"STOMP {down}", "ws-ping": "ping", "sockjs-h": "SockJS h"}[layer]


def _note(fact: findings.Note, look: Look) -> Row:
    args = {name: look.safe(value) if isinstance(value, str) else value for name, value in fact.args.items()}
    return _event(fact, "note", "", key=fact.key, args=args)


_MAKERS: dict[type, Callable[[Any, Look], Row]] = {
    facts.Resolved: _resolved, facts.Route: _route, facts.Tcp: _tcp, facts.Proxy: _proxy, facts.Tls: _tls,
    facts.Http: _http, facts.Open: _open, facts.Command: _command, facts.Stop: _stop, facts.Stall: _stall,
    facts.Retry: _retry, facts.Transport: _transport,
    facts.TcpInfo: _tcp_info, facts.Postmortem: _postmortem, facts.Eof: _eof, facts.End: _end, Unknown: _unknown,
    findings.Heartbeat: _heartbeat, findings.Note: _note,
}  # fmt: skip
