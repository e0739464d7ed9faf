"""The twins of the idle experiment: sessions to one target that differ only in who sends (drop-causes §6.4)."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from tui.options.spec import SessionSpec

Kind = Literal["silent", "up", "down", "ping", "both"]
"""Nobody sends; only we do; only the server does; our pings and its pongs do; both do."""

Why = Literal["stomp_only", "websocket_only"]
"""Why a kind cannot be tried: the server can only be asked to beat in STOMP; a ping needs a WebSocket."""

SILENT: Kind = "silent"


class Twins(NamedTuple):
    """Which twins a target can have."""

    kinds: tuple[Kind, ...]
    """``silent`` first."""
    skipped: Mapping[Kind, Why]


def _stomp(spec: SessionSpec) -> bool:
    return spec.speaks_stomp and not spec.no_stomp_connect


def _websocket(spec: SessionSpec) -> bool:
    transport = spec.endpoint.scheme.transport
    return transport == "ws" or (transport == "sockjs" and spec.sockjs_transport in ("auto", "websocket"))


def twins(spec: SessionSpec) -> Twins:
    """The kinds that can be tried on a target, and why not the others."""
    stomp, websocket = _stomp(spec), _websocket(spec)
    lacks: dict[Kind, Why] = {}
    if not stomp:
        lacks["down"] = lacks["both"] = "stomp_only"
        if not websocket:
            lacks["up"] = "websocket_only"
    if not websocket:
        lacks["ping"] = "websocket_only"
    kinds: tuple[Kind, ...] = ("silent", "up", "down", "ping", "both")
    return Twins(tuple(kind for kind in kinds if kind not in lacks), lacks)


def twin_name(spec: SessionSpec, kind: Kind) -> str:
    """What a twin's session is called."""
    return f"{spec.name}-{kind}"


def twin(spec: SessionSpec, kind: Kind, every: float, lasting: float) -> SessionSpec:
    """One twin: the session as asked for, with nothing sent but what its kind sends.

    What we send goes by the schedule, never by agreed heart-beats: a server that had agreed to beats would watch for
    them, and that is another clock. An unsolicited pong asks for no answer (RFC 6455 §5.5.3), nor does an EOL between
    STOMP frames (STOMP 1.2, "Heart-beating").

    Args:
        every: seconds between two of its bytes.
        lasting: seconds after ready for which it sends.
    """
    sends = {"up": _up(spec), "both": _up(spec), "ping": "ping"}.get(kind)
    times = range(1, int(lasting / every) + 1) if sends is not None else ()
    return msgspec.structs.replace(
        spec, name=twin_name(spec, kind),
        heart_beat=f"0,{round(every * 1000)}" if kind in ("down", "both") else "0,0",
        do=[f"{round(time * every, 3)} {sends}" for time in times],
        subscribe=[], ping_interval=None, ping_timeout=None, reconnect=False, no_postmortem=True, postmortem=None,
    )  # fmt: skip


def _up(spec: SessionSpec) -> str:
    return "stomp-frame \\n" if _stomp(spec) else "pong"
