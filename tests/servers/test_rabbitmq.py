"""What a real RabbitMQ 3.10 with web-stomp does to two clients, and what ``watch`` says of it."""

import asyncio
from collections.abc import Callable

import pytest

from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.watching import POSTMORTEM, Line, Watch, watching

pytestmark = pytest.mark.real

BEATS = ("--heart-beat", "2000,2000")


def ended_in_order(close: Line) -> bool:
    """RabbitMQ ends TCP right behind its Close, without waiting for the echo.

    Where our echo has come by then, it lies unread and the broker's kernel sends a RST instead of a FIN (seen about
    once in ten). A RST without an echo of ours would be another story.
    """
    how, phase = close["transport"]["how"], close["transport"]["phase"]
    return phase == "open" and (how == "fin" or (how == "reset" and close["sent"] is not None))


def stomp(command: str, session: str | None = None, **headers: str) -> Callable[[Line], bool]:
    """Accepts an incoming STOMP frame with these headers."""

    def wanted(line: Line) -> bool:
        if line["type"] != "stomp" or line["dir"] != "in" or line["command"] != command:
            return False
        said = {tuple(pair) for pair in line["headers"]}
        return session in (None, line["s"]) and set(headers.items()) <= said

    return wanted


def line(kind: str, session: str | None = None) -> Callable[[Line], bool]:
    """Accepts a line of this type."""
    return lambda one: one["type"] == kind and session in (None, one.get("s"))


async def connected(watch: Watch, *sessions: str) -> None:
    """Returns when every one of the sessions is ready."""
    for session in sessions:
        await watch.until(stomp("CONNECTED", session))


async def test_two_sessions_side_by_side_exchange_messages_and_negotiate_beats(
    broker: RabbitMq, recorder: Recorder
) -> None:
    async with watching(
        f"anna={broker.url}", f"bert={broker.url}", *LOGIN, "--heart-beat", "2000,1000", "--stdin"
    ) as watch:
        await connected(watch, "anna", "bert")
        for name in ("anna", "bert"):
            await watch.command(f"{name}: subscribe /topic/x")
        # A RECEIPT is the broker's word that it has seen everything before it.
        await watch.command(r"stomp-frame SUBSCRIBE\nid:last\ndestination:/topic/last\nreceipt:subscribed\n\n\0")
        for name in ("anna", "bert"):
            await watch.until(stomp("RECEIPT", name, **{"receipt-id": "subscribed"}))
        await watch.command("anna: stomp-send /topic/x from anna: 你好")
        await watch.command("bert: stomp-send /topic/x from bert")
        for name in ("anna", "bert"):
            await watch.until(stomp("MESSAGE", name, destination="/topic/x"), count=2)
            await watch.until(stomp("beat", name), count=3)
        await watch.command("quit")
        assert await watch.finish() == 0

    for name in ("anna", "bert"):
        sizes = sorted(one["size"] for one in filter(stomp("MESSAGE", name), watch.lines))
        assert sizes == [len("from bert"), len("from anna: 你好".encode())]
        # We can every 2 s and want every 1 s; RabbitMQ takes both, turned round.
        agreed = {beat["layer"]: beat["every_ms"] for beat in watch.of("heartbeat", name, state="negotiated")}
        assert agreed == {"stomp-out": 2000, "stomp-in": 1000}
        assert watch.the("open", name)["subprotocol"] == "v12.stomp"
        assert not [beat for beat in watch.of("heartbeat", name) if beat["state"] in ("late", "missed")]
        close = watch.the("close", name)
        assert close["initiator"] == "local" and close["asked"] is True
    recorder.keep("rabbitmq-two-sessions", watch)


async def test_close_all_connections(broker: RabbitMq, recorder: Recorder) -> None:
    async with watching("-n", "2", f"twin={broker.url}", *LOGIN) as watch:
        await connected(watch, "twin1", "twin2")
        await asyncio.to_thread(broker.ctl, "close_all_connections", "maintenance tonight")
        assert await watch.finish() == 1

    for name in ("twin1", "twin2"):
        close = watch.the("close", name)
        # The administrator's words stay in the broker's log: the client is told what every RabbitMQ end tells it.
        assert close["received"] == {"code": 1000, "reason": "STOMP died"}
        assert (close["code"], close["name"], close["synthetic"]) == (1000, "Normal Closure", False)
        assert (close["initiator"], close["clean"], close.get("asked", False)) == ("remote", True, False)
        assert ended_in_order(close)
        assert close["app_view"] == {"code": 1000, "reason": "STOMP died", "wasClean": True}
        assert close.get("error") is None
    recorder.keep("rabbitmq-close-all-connections", watch)


async def test_held_beats_drop_one_of_two(broker: RabbitMq, recorder: Recorder) -> None:
    arguments = (*LOGIN, *BEATS, "--do", "3 held: hold-beats", "--stdin")
    async with watching(f"held={broker.url}", f"other={broker.url}", *arguments) as watch:
        await watch.until(line("close", "held"))
        assert not watch.of("close", "other")
        await watch.until(stomp("beat", "other"), count=len(list(filter(stomp("beat", "other"), watch.lines))) + 1)
        await watch.command("quit")
        assert await watch.finish() == 1

    assert watch.the("command", "held", do="hold-beats")["ok"] is True
    close = watch.the("close", "held")
    assert close["received"] == {"code": 1000, "reason": "STOMP died"}
    assert (close["initiator"], close["clean"], close["synthetic"]) == ("remote", True, False)
    assert ended_in_order(close)
    # Two checks without a byte from us: 2n to 3n after our last beat, which left 2 s after CONNECTED.
    assert 4 <= close["idle_tx"] <= 6.6
    assert close["idle_rx"] < 2.25 and close["idle_any"] == close["idle_rx"]
    assert abs(close["age"] - close["idle_tx"] - 2) < 0.25
    late = {(beat["s"], beat["layer"], beat["state"]) for beat in watch.of("heartbeat")}
    assert late - {(name, layer, "negotiated") for name, layer, _ in late} == {
        ("held", "stomp-out", "late"),
        ("held", "stomp-out", "missed"),
    }
    other = watch.the("close", "other")
    assert (other["initiator"], other["asked"]) == ("local", True)
    recorder.keep("rabbitmq-held-beats", watch)


async def test_sigkill_of_the_broker_drops_all(own_broker: RabbitMq, recorder: Recorder) -> None:
    async with watching(f"anna={own_broker.url}", f"bert={own_broker.url}", *LOGIN, *BEATS, **POSTMORTEM) as watch:
        for name in ("anna", "bert"):
            await watch.until(stomp("beat", name))
        killed = own_broker.sigkill()
        assert await watch.finish() == 1

    for name in ("anna", "bert"):
        close = watch.the("close", name)
        assert (close["code"], close["synthetic"], close["received"]) == (1006, True, None)
        assert (close["initiator"], close["clean"], close.get("asked", False)) == ("remote", False, False)
        # The broker had read all we sent, so the kernel says goodbye for it with a FIN.
        assert close["transport"]["how"] == "fin" and close["transport"]["undecoded"] == 0
        assert close["app_view"] == {"code": 1006, "reason": "", "wasClean": False}
        assert 0 <= watch.the("eof", name, dir="in")["m"] - killed < 2
    recorder.keep("rabbitmq-sigkill", watch)


async def test_wrong_passcode(broker: RabbitMq, recorder: Recorder) -> None:
    async with watching(broker.url, *LOGIN, "--passcode", "not-the-passcode") as watch:
        error = await watch.until(stomp("ERROR", message="Bad CONNECT"))
        assert error["size"] == len("Access refused for user 'guest'\n")
        assert await watch.finish() == 3

    close = watch.the("close", "A")
    assert close["error"] == "Bad CONNECT"
    # RabbitMQ says ERROR and stays: it is we who close then, long before the open timeout.
    assert (close["initiator"], close["received"], close["age"]) == ("local", {"code": None, "reason": ""}, None)
    assert (close["transport"]["how"], close["transport"]["phase"]) == ("fin", "open")
    assert 2 <= close["m"] - error["m"] < 3
    assert not any(b"not-the-passcode" in raw for raw in watch.raw)
    recorder.keep("rabbitmq-wrong-passcode", watch)
