"""What a real RabbitMQ 3.10 does to STOMP sessions straight over TCP and TLS, and what ``watch`` says of it."""

import asyncio
import itertools
from collections.abc import Sequence

import pytest

from tests.probing import probing, run, seen
from tests.servers.nginx import Certificate
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.watching import POSTMORTEM, Line, Watch

pytestmark = pytest.mark.real

BEATS = ("--heart-beat", "2000,2000")


def assert_fin(close: Line, *, close_notify: bool | None = None) -> None:
    """The broker ended TCP in order; there is no code, and nothing a browser would have been told."""
    assert (close["code"], close["name"], close["synthetic"], close["app_view"]) == (None, None, False, None)
    assert (close["received"], close["sent"], close["reason"]) == (None, None, "")
    assert (close["initiator"], close["clean"], close.get("asked", False)) == ("remote", False, False)
    transport = close["transport"]
    assert (transport["how"], transport["phase"], transport["errno"]) == ("fin", "open", None)
    assert (transport["undecoded"], transport["unread"], transport["unsent"]) == (0, 0, 0)
    notified = transport["close_notify"]
    assert (None if notified is None else notified["in"]) is close_notify


def steps(found: Sequence[Line]) -> list[float]:
    """Seconds from each line to the next."""
    return [after["m"] - before["m"] for before, after in itertools.pairwise(found)]


def over_both(broker: RabbitMq, certificate: Certificate) -> tuple[str, ...]:
    """The arguments of a session over TCP and one over TLS."""
    return (f"plain={broker.tcp_url}", f"secure={broker.tls_url}", "--cacert", str(certificate.ca), *LOGIN)


async def both_ready(watch: Watch) -> None:
    """Returns when both have logged in."""
    for name in ("plain", "secure"):
        await seen(watch, "stomp", name, command="CONNECTED")


@pytest.mark.extra
async def test_held_beats_drop_one_of_two(broker: RabbitMq, recorder: Recorder) -> None:
    arguments = (*LOGIN, *BEATS, "--do", "3 held: hold-beats", "--stdin")
    async with probing(f"held={broker.tcp_url}", f"other={broker.tcp_url}", *arguments) as watch:
        await seen(watch, "close", "held")
        assert not watch.of("close", "other")
        beats = len(watch.of("stomp", "other", command="beat"))
        await seen(watch, "stomp", "other", command="beat", count=beats + 2)
        await watch.command("quit")
        assert await watch.finish() == 1

    close = watch.the("close", "held")
    assert_fin(close)
    assert close.get("error") is None, "not a word: the reason stands in the broker's log alone"
    # Two checks without a byte from us: 2n to 3n after our last beat, which left 2 s after CONNECTED.
    assert 4 <= close["idle_tx"] <= 6.6
    assert close["idle_rx"] < 1.25 and close["idle_any"] == close["idle_rx"]
    assert abs(close["age"] - close["idle_tx"] - 2) < 0.25
    assert {(beat["layer"], beat["state"]) for beat in watch.of("heartbeat", "held")} == {
        ("stomp-out", "negotiated"), ("stomp-in", "negotiated"), ("stomp-out", "late"), ("stomp-out", "missed"),
    }  # fmt: skip
    # It beats every n/2: the client is told 2 s and hears one every second.
    assert all(0.8 < step < 1.3 for step in steps(watch.of("stomp", "other", command="beat", dir="in")))
    other = watch.the("close", "other")
    assert (other["initiator"], other["asked"], other["transport"]["how"]) == ("local", True, "fin")
    recorder.keep("rabbitmq-tcp-held-beats", watch)


async def test_wrong_passcode(broker: RabbitMq, recorder: Recorder) -> None:
    arguments = (*LOGIN, "--passcode", "not-the-passcode", "--open-timeout", "2")
    watch, status = await run(broker.tcp_url, *arguments)

    assert status == 3
    error, close = watch.the("stomp", command="ERROR"), watch.the("close")
    assert ["message", "Bad CONNECT"] in error["headers"] and close["error"] == "Bad CONNECT"
    # RabbitMQ says ERROR and stays: what ends the session is our own open timeout.
    assert (close["code"], close["initiator"], close["age"]) == (None, "local", None)
    assert (close["transport"]["how"], close["transport"]["phase"]) == ("timeout", "open")
    assert 1.5 < close["idle_any"] < 2.2
    assert not any(b"not-the-passcode" in raw for raw in watch.raw)
    recorder.keep("rabbitmq-tcp-wrong-passcode", watch)


async def test_it_knows_no_largest_frame(broker: RabbitMq) -> None:
    """``stomp.max_frame_size`` came after 3.10: what is too large here is so to us alone."""
    size = 4_200_000
    arguments = (*LOGIN, "--heart-beat", "0,0", "--connect-header", f"x: {'y' * 66_000}", "--max-size", "1000000")
    words = ("--subscribe", "/queue/large", "--do", f"0 send-repeat x {size}", "--stdin")
    async with probing(broker.tcp_url, *arguments, *words) as watch:
        await seen(watch, "note", key="note.stomp_flaw_too_big", count=2)  # ours, and the message that came of it
        await watch.command("disconnect")
        await seen(watch, "end")
        assert await watch.finish() == 0

    assert watch.the("stomp", command="CONNECT")["headers"][-1] == ["x", "y" * 66_000]
    came = sum(fact["size"] for fact in watch.of("bytes", dir="in"))
    assert came > size
    assert len(watch.the("stomp", command="RECEIPT")["lines"]) == 1


async def test_a_frame_it_cannot_read(broker: RabbitMq, recorder: Recorder) -> None:
    words = r"send-raw SEND\ndestination:/queue/a\\x\n\nhello\0"
    watch, status = await run(broker.tcp_url, *LOGIN, "--heart-beat", "0,0", "--do", f"0.2 {words}")

    assert status == 1
    close = watch.the("close")
    assert_fin(close)
    assert close.get("error") is None and close["idle_tx"] < 0.5
    assert watch.the("note")["key"] == "note.stomp_flaw_undefined_escape"
    assert "bad_escape" in broker.log
    recorder.keep("rabbitmq-tcp-bad-frame", watch)


async def test_close_all_connections(broker: RabbitMq, certificate: Certificate, recorder: Recorder) -> None:
    async with probing(*over_both(broker, certificate), *BEATS) as watch:
        await both_ready(watch)
        await asyncio.to_thread(broker.ctl, "close_all_connections", "maintenance tonight")
        assert await watch.finish() == 1

    for name, notified in (("plain", None), ("secure", True)):
        close = watch.the("close", name)
        assert_fin(close, close_notify=notified)
        # Over TCP the client is told, in Erlang; over WebSocket it is not.
        assert close["error"] == "AMQP channel died"
        said = watch.of("bytes", name, dir="in")[-1]["text"]
        assert "server_initiated_close" in said and "maintenance tonight" in said
    recorder.keep("rabbitmq-tcp-close-all-connections", watch)


async def test_tls_from_login_to_disconnect(broker: RabbitMq, certificate: Certificate, recorder: Recorder) -> None:
    words = ("--subscribe", "/topic/x", "--do", "0.3 stomp-send /topic/x 你好", "--do", "0.6 disconnect")
    watch, status = await run(broker.tls_url, "--cacert", str(certificate.ca), *LOGIN, *BEATS, *words)

    assert status == 0
    tls = watch.the("tls")
    assert tls["ok"] is True and tls["chain"][0]["names"] == ["localhost", "127.0.0.1"]
    assert watch.the("stomp", command="MESSAGE")["size"] == len("你好".encode())
    assert {beat["every_ms"] for beat in watch.of("heartbeat", state="negotiated")} == {2000}
    close = watch.the("close")
    assert (close["code"], close["initiator"], close["asked"]) == (None, "local", True)
    assert close["transport"]["how"] == "fin" and close["transport"]["close_notify"]["in"] is True
    recorder.keep("rabbitmq-tls-disconnect", watch)


@pytest.mark.extra
async def test_sigkill_of_the_broker_drops_all(
    own_broker: RabbitMq, certificate: Certificate, recorder: Recorder
) -> None:
    async with probing(*over_both(own_broker, certificate), *BEATS, **POSTMORTEM) as watch:
        for name in ("plain", "secure"):
            await seen(watch, "stomp", name, command="beat", dir="out")
        killed = own_broker.sigkill()
        assert await watch.finish() == 1

    for name, notified in (("plain", None), ("secure", False)):
        close = watch.the("close", name)
        if close["transport"]["how"] == "fin":
            # The broker had read all we sent, so the kernel says goodbye for it with a FIN; nobody ends TLS for it.
            assert_fin(close, close_notify=notified)
        else:  # a beat of ours was still unread
            assert (close["transport"]["how"], close["transport"]["errno"]) == ("reset", "ECONNRESET")
        assert close.get("error") is None
        assert 0 <= watch.the("end", name)["m"] - killed < 2
    recorder.keep("rabbitmq-tcp-sigkill", watch)
