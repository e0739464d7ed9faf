"""The session commands a connection's client carries out, as one table: verb, who does it, what it needs.

``tui.probe.live`` calls ``carry_out``; what concerns a whole session (``reconnect``, ``forget``, ``mark``) or the whole
probe (``open``, ``quit``) never comes here.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tui.client.client import Client
from tui.client.outgoing import RawBytes
from tui.client.sockjs import XhrClient
from tui.client.stomp import StompClient
from tui.client.websocket import WebSocketClient
from tui.facts.commands import SessionCommand

Why = str | None
"""None where a command was carried out, else the catalogue key of why not."""

MOST = 1 << 30
"""Bytes of the largest message that is built."""


class Verb(NamedTuple):
    """How one verb is carried out."""

    do: Callable[[Client, SessionCommand, float], Why]
    stomp: bool = False
    """Only on a session that speaks STOMP."""
    websocket: bool = False
    """Only where there is a WebSocket."""
    stream: bool = False
    """Only where one TCP connection carries the session."""
    xhr: bool = False
    """Only over SockJS's XHR transports."""
    sends: bool = False
    """It puts a frame on the wire: refused where nothing can follow what was sent."""
    kills: bool = False
    """Done to a frozen session as well: a process that hangs can be killed."""


def carry_out(client: Client, command: SessionCommand, m: float) -> Why:
    """Has a client do what a command says; the catalogue key of why not, where it cannot be."""
    verb = VERBS[command.verb]
    if client.frozen and not verb.kills:
        return "command.frozen"
    if verb.stomp and client.stomp is None:
        return "command.no_stomp"
    if verb.websocket and not isinstance(client.wire, WebSocketClient):
        return "command.no_websocket"
    xhr = isinstance(client.wire, XhrClient)
    if verb.stream and xhr:
        return "command.no_stream"
    if verb.xhr and not xhr:
        return "command.no_xhr"
    if verb.sends:
        if client.wire.close_sent:
            return "command.closing"
        if client.half_closed:
            return "command.half_closed"
        if verb.stomp and client.stomp is not None and client.stomp.disconnecting:
            return "command.disconnecting"
    return verb.do(client, command, m)


def _bytes(command: SessionCommand, at: int = 0) -> bytes:
    """An argument as the bytes it stands for; empty where it was left out."""
    if len(command.args) <= at:
        return b""
    value = command.args[at]
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def _websocket(client: Client) -> WebSocketClient:
    assert isinstance(client.wire, WebSocketClient), "carry_out refuses a WebSocket verb without WebSocket"
    return client.wire


def _stomp(client: Client) -> StompClient:
    assert client.stomp is not None, "carry_out refuses a STOMP verb without STOMP"
    return client.stomp


# Messages.


def _message(client: Client, data: bytes, *, binary: bool = False) -> Why:
    """One message through all the framing of the session: under STOMP a SEND to the first destination subscribed to."""
    if not client.wire.carries_bytes and (binary or not _is_text(data)):
        return "command.sockjs_text"
    if client.stomp is None:
        client.wire.message(data, binary=binary)
        return None
    if client.stomp.disconnecting:
        return "command.disconnecting"
    destination = next(iter(client.stomp.subscriptions.values()), None)
    if destination is None:
        return "command.no_destination"
    client.stomp.message(destination, data)
    return None


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _send(client: Client, command: SessionCommand, _: float) -> Why:
    return _message(client, _bytes(command))


def _send_repeat(client: Client, command: SessionCommand, _: float) -> Why:
    data, times = _bytes(command), int(command.args[1])
    return "command.too_much" if len(data) * times > MOST else _message(client, data * times)


def _send_binary(client: Client, command: SessionCommand, _: float) -> Why:
    return _message(client, _bytes(command), binary=True)


def _send_file(client: Client, command: SessionCommand, _: float) -> Why:
    """A file's content: text where it is UTF-8, binary otherwise."""
    try:
        path = Path(str(command.args[0])).expanduser()
        if path.stat().st_size > MOST:
            return "command.too_much"
        data = path.read_bytes()
    except (OSError, ValueError, RuntimeError):  # RuntimeError: no such user's home
        return "command.unreadable_file"
    return _message(client, data, binary=not _is_text(data))


def _send_raw(client: Client, command: SessionCommand, _: float) -> Why:
    data = _bytes(command)
    if not client.wire.carries_bytes and not _is_text(data):
        return "command.sockjs_text"
    client.wire.raw(data, composed=client.stomp is not None)
    return None


def _raw_frame(client: Client, command: SessionCommand, _: float) -> Why:
    client.out.append(RawBytes(_bytes(command)))
    return None


# Control frames and ends.


def _ping(client: Client, command: SessionCommand, _: float) -> Why:
    data = _bytes(command)
    if len(data) > 125:  # RFC 6455 §5.5
        return "command.control_too_long"
    websocket = _websocket(client)
    (websocket.ping if command.verb == "ping" else websocket.pong)(data)
    return None


def _close(client: Client, command: SessionCommand, m: float) -> Why:
    code = int(command.args[0]) if command.args else 1000
    reason = str(command.args[1]) if len(command.args) > 1 else ""
    if len(reason.encode("utf-8", "surrogateescape")) > 123:
        return "command.control_too_long"
    if command.args and not isinstance(client.wire, WebSocketClient):
        return "command.no_code"
    client.wire.close(code, reason, m)
    return None


def _half_close(client: Client, _: SessionCommand, __: float) -> Why:
    client.half_close()
    return None


def _reset(client: Client, _: SessionCommand, __: float) -> Why:
    client.end("reset")
    return None


def _abort(client: Client, _: SessionCommand, __: float) -> Why:
    client.end("abort")
    return None


# STOMP.


def _disconnect(client: Client, _: SessionCommand, m: float) -> Why:
    if not _stomp(client).connected:
        return "command.not_connected"
    client.leave(m)
    return None


def _subscribe(client: Client, command: SessionCommand, _: float) -> Why:
    _stomp(client).subscribe(str(command.args[0]))
    return None


def _unsubscribe(client: Client, command: SessionCommand, _: float) -> Why:
    return None if _stomp(client).unsubscribe(str(command.args[0])) else "command.not_subscribed"


def _stomp_send(client: Client, command: SessionCommand, _: float) -> Why:
    body = _bytes(command, 1)
    if not client.wire.carries_bytes and not _is_text(body):
        return "command.sockjs_text"
    _stomp(client).message(str(command.args[0]), body)
    return None


def _stomp_frame(client: Client, command: SessionCommand, _: float) -> Why:
    data = _bytes(command)
    if not client.wire.carries_bytes and not _is_text(data):
        return "command.sockjs_text"
    _stomp(client).frame_as_it_is(data)
    return None


def _ack(client: Client, command: SessionCommand, _: float) -> Why:
    done = _stomp(client).acknowledge(str(command.args[0]), positive=command.verb == "ack")
    return None if done else "command.nack_1_0"


def _begin(client: Client, command: SessionCommand, _: float) -> Why:
    _stomp(client).begin(str(command.args[0]) if command.args else None)
    return None


def _end_transaction(client: Client, command: SessionCommand, _: float) -> Why:
    name = str(command.args[0]) if command.args else None
    done = _stomp(client).end_transaction(name, commit=command.verb == "commit")
    return None if done else "command.no_transaction"


# Imitating a failing client.


def _hold_beats(client: Client, _: SessionCommand, __: float) -> Why:
    _stomp(client).hold_beats()
    return None


def _release_beats(client: Client, _: SessionCommand, m: float) -> Why:
    _stomp(client).release_beats(m)
    return None


def _throttle_beats(client: Client, command: SessionCommand, m: float) -> Why:
    _stomp(client).throttle_beats(int(command.args[0]) / 1000, m)
    return None


def _hold_pongs(client: Client, _: SessionCommand, __: float) -> Why:
    _websocket(client).hold_pongs()
    return None


def _release_pongs(client: Client, _: SessionCommand, __: float) -> Why:
    _websocket(client).release_pongs()
    return None


def _pause_polling(client: Client, command: SessionCommand, m: float) -> Why:
    assert isinstance(client.wire, XhrClient), "carry_out refuses an XHR verb elsewhere"
    client.wire.pause(m + float(command.args[0]))
    return None


def _freeze(client: Client, command: SessionCommand, m: float) -> Why:
    client.freeze(m + float(command.args[0]))
    return None


VERBS: Mapping[str, Verb] = {
    "send": Verb(_send, sends=True),
    "send-repeat": Verb(_send_repeat, sends=True),
    "send-binary": Verb(_send_binary, sends=True),
    "send-file": Verb(_send_file, sends=True),
    "send-raw": Verb(_send_raw, sends=True),
    "raw-frame": Verb(_raw_frame, stream=True),
    "ping": Verb(_ping, websocket=True, sends=True),
    "pong": Verb(_ping, websocket=True, sends=True),
    "close": Verb(_close, sends=True),
    "half-close": Verb(_half_close, stream=True),
    "reset": Verb(_reset, kills=True),
    "abort": Verb(_abort, kills=True),
    "disconnect": Verb(_disconnect, stomp=True, sends=True),
    "subscribe": Verb(_subscribe, stomp=True, sends=True),
    "unsubscribe": Verb(_unsubscribe, stomp=True, sends=True),
    "stomp-send": Verb(_stomp_send, stomp=True, sends=True),
    "stomp-frame": Verb(_stomp_frame, stomp=True, sends=True),
    "ack": Verb(_ack, stomp=True, sends=True),
    "nack": Verb(_ack, stomp=True, sends=True),
    "begin": Verb(_begin, stomp=True, sends=True),
    "commit": Verb(_end_transaction, stomp=True, sends=True),
    "abort-tx": Verb(_end_transaction, stomp=True, sends=True),
    "hold-beats": Verb(_hold_beats, stomp=True),
    "release-beats": Verb(_release_beats, stomp=True),
    "throttle-beats": Verb(_throttle_beats, stomp=True),
    "hold-pongs": Verb(_hold_pongs, websocket=True),
    "release-pongs": Verb(_release_pongs, websocket=True),
    "freeze": Verb(_freeze),
    "pause-polling": Verb(_pause_polling, xhr=True),
}
"""Every verb of a connection. ``raw-frame`` sends whatever was sent before: that is what it is for."""
