"""What a real ActiveMQ 5.17 does to STOMP sessions over TCP, and what ``watch`` says of it.

One connection cannot be closed by an administrator here: that is a JMX operation, and Debian's package comes with
neither the web console nor anything else that speaks JMX. What an administrator can do is stop the broker.
"""

import itertools

import pytest

from tests.probing import probing, run, seen
from tests.servers.activemq import LARGEST, LOGIN, LONGEST_HEADER, ActiveMq
from tests.servers.recordings import Recorder
from tests.watching import POSTMORTEM, Line, Watch

pytestmark = pytest.mark.real

BEATS = ("--heart-beat", "2000,2000")


def assert_dropped(close: Line, *hows: str) -> None:
    """The broker ended TCP, in one of these ways; there is no code, and nothing a browser would have been told."""
    assert (close["code"], close["name"], close["synthetic"], close["app_view"]) == (None, None, False, None)
    assert (close["received"], close["sent"], close["reason"]) == (None, None, "")
    assert (close["initiator"], close["clean"], close.get("asked", False)) == ("remote", False, False)
    assert close["transport"]["how"] in hows and close["transport"]["phase"] == "open"
    assert close["transport"]["undecoded"] == 0


async def test_a_session_from_login_to_disconnect(activemq: ActiveMq, recorder: Recorder) -> None:
    words = ("--subscribe", "/topic/x", "--do", "0.3 stomp-send /topic/x 你好", "--do", "0.6 disconnect")
    watch, status = await run(activemq.url, *LOGIN, *BEATS, *words)

    assert status == 0
    connected = dict(map(tuple, watch.the("stomp", command="CONNECTED")["headers"]))
    assert connected["server"].startswith("ActiveMQ/5.17") and connected["heart-beat"] == "2000,2000"
    assert watch.the("stomp", command="MESSAGE")["size"] == len("你好".encode())
    assert ["receipt-id", "disconnect"] in watch.the("stomp", command="RECEIPT")["headers"]
    close = watch.the("close")
    assert (close["code"], close["initiator"], close["asked"]) == (None, "local", True)
    assert close["transport"]["how"] == "fin"
    recorder.keep("activemq-disconnect", watch)


@pytest.mark.extra
async def test_held_beats_drop_one_of_two(activemq: ActiveMq, recorder: Recorder) -> None:
    arguments = (*LOGIN, *BEATS, "--do", "3 held: hold-beats", "--stdin")
    async with probing(f"held={activemq.url}", f"other={activemq.url}", *arguments) as watch:
        await seen(watch, "close", "held")
        assert not watch.of("close", "other")
        beats = len(watch.of("stomp", "other", command="beat", dir="in"))
        await seen(watch, "stomp", "other", command="beat", dir="in", count=beats + 1)
        await watch.command("quit")
        assert await watch.finish() == 1

    close = watch.the("close", "held")
    assert_dropped(close, "fin")
    assert close.get("error") is None, "not a word: the reason stands in the broker's log alone"
    # It looks every n, and drops at the second look in a row that finds nothing new: 2n to 3n after our last beat.
    assert 4 <= close["idle_tx"] <= 6.6
    assert close["idle_rx"] < 2.25 and close["idle_any"] == close["idle_rx"]
    assert abs(close["age"] - close["idle_tx"] - 2) < 0.25
    assert {"late", "missed"} <= {beat["state"] for beat in watch.of("heartbeat", "held", layer="stomp-out")}
    assert "Channel was inactive for too (>2000) long" in activemq.log
    other = watch.the("close", "other")
    assert (other["initiator"], other["asked"]) == ("local", True)
    recorder.keep("activemq-held-beats", watch)


@pytest.mark.extra
async def test_its_own_first_beats_come_up_to_twice_the_agreed_interval_apart(activemq: ActiveMq) -> None:
    """It looks every n, and whether CONNECTED counts as a beat at a look depends on which came first: the first beat
    comes 2n after it (11 of 12 runs; a strict client that waits 1.5 n gives up), n after it, or at once."""
    async with probing(activemq.url, *LOGIN, "--heart-beat", "0,1000", "--stdin") as watch:
        connected = await seen(watch, "stomp", command="CONNECTED")
        first = await seen(watch, "stomp", command="beat", dir="in")
        second = await seen(watch, "stomp", command="beat", dir="in", count=2)
        third = await seen(watch, "stomp", command="beat", dir="in", count=3)
        await watch.command("quit")
        assert await watch.finish() == 0

    gaps = [later["m"] - earlier["m"] for earlier, later in itertools.pairwise((connected, first, second, third))]
    assert all(abs(gap - round(gap)) < 0.2 and gap < 2.2 for gap in gaps)
    assert 0.8 < gaps[-1] < 1.2
    late = any(gap > 1.5 for gap in gaps)
    assert late == ("late" in {beat["state"] for beat in watch.of("heartbeat", layer="stomp-in")})


async def test_wrong_passcode(activemq: ActiveMq, recorder: Recorder) -> None:
    watch, status = await run(activemq.url, *LOGIN, "--passcode", "not-the-passcode")

    assert status == 3
    close = watch.the("close")
    # Unlike RabbitMQ it says ERROR and ends TCP at once.
    assert_dropped(close, "fin")
    assert close["error"] == "User name [ground] or password is invalid."
    assert (close["age"], close["idle_any"] < 1) == (None, True)
    assert not any(b"not-the-passcode" in raw for raw in watch.raw)
    recorder.keep("activemq-wrong-passcode", watch)


OVERSIZED = {
    "frame": (
        rf"send-raw SEND\ndestination:/queue/a\n\n{'x' * (LARGEST + 1)}\0",
        "The maximum frame size was exceeded",
    ),
    "content-length": (
        rf"send-raw SEND\ndestination:/queue/a\ncontent-length:{LARGEST + 1}\n\n",
        "The maximum frame size was exceeded",
    ),
    "header": (
        rf"send-raw SEND\nx:{'y' * LONGEST_HEADER}\n\n\0",
        "The maximum header length was exceeded",
    ),
}


@pytest.mark.parametrize("name", OVERSIZED)
async def test_too_large(name: str, activemq: ActiveMq, recorder: Recorder) -> None:
    words, message = OVERSIZED[name]
    watch, status = await run(activemq.url, *LOGIN, "--heart-beat", "0,0", "--do", f"0.2 {words}")

    assert status == 1
    # It may go on reading after the ERROR and complain of what it then takes for a frame, until it ends TCP: with a
    # RST where bytes of ours still lie unread.
    assert errors(watch)[0] == message
    assert_dropped(watch.the("close"), "fin", "reset")
    if name == "content-length":  # judged by its announcement: the one that is short enough to be read by people
        recorder.keep("activemq-too-large", watch)


def errors(watch: Watch) -> list[str]:
    """The ``message`` headers of its ERROR frames."""
    return [dict(map(tuple, frame["headers"]))["message"] for frame in watch.of("stomp", command="ERROR")]


async def test_the_administrator_stops_it(own_activemq: ActiveMq, recorder: Recorder) -> None:
    async with probing(f"anna={own_activemq.url}", f"bert={own_activemq.url}", *LOGIN, *BEATS, **POSTMORTEM) as watch:
        for name in ("anna", "bert"):
            await seen(watch, "stomp", name, command="CONNECTED")
        asked = own_activemq.terminate()
        assert await watch.finish() == 1

    for name in ("anna", "bert"):
        close = watch.the("close", name)
        assert_dropped(close, "fin")
        assert close.get("error") is None, "it goes without a word"
        assert 0 <= watch.the("eof", name, dir="in")["m"] - asked < 5
    assert "is shutting down" in own_activemq.log
    recorder.keep("activemq-stop", watch)


async def test_sigkill_of_the_broker_drops_all(own_activemq: ActiveMq, recorder: Recorder) -> None:
    async with probing(f"anna={own_activemq.url}", f"bert={own_activemq.url}", *LOGIN, *BEATS, **POSTMORTEM) as watch:
        for name in ("anna", "bert"):
            await seen(watch, "stomp", name, command="beat", dir="out")
        killed = own_activemq.sigkill()
        assert await watch.finish() == 1

    for name in ("anna", "bert"):
        close = watch.the("close", name)
        assert_dropped(close, "fin", "reset")  # a RST where our beat had not been read yet
        assert 0 <= watch.the("end", name)["m"] - killed < 2
    recorder.keep("activemq-sigkill", watch)
