"""Toxiproxy between us and the server: a way that gets bad under open sessions, and what ``watch`` saw of it.

Measured with 2.5: ``limit_data`` ends a connection by FIN at the byte, in the middle of a frame where that is where it
falls. ``timeout`` passes nothing on any more and ends by FIN so many ms after the first bytes it kept back.
``reset_peer`` ends what is open by FIN once bytes came, and resets what connects later. A proxy that is turned off cuts
everything by FIN and its port refuses.
"""

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.strict import StrictNode, StrictPython
from tests.servers.takes import Take
from tests.servers.test_idle_proxies import assert_cut, chatter
from tests.servers.toxiproxy import Toxiproxy
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_limit_of_bytes(start: Starter, recorder: Recorder, take: Take) -> None:
    """News come until the connection has had its share; again at the same count on the next one."""
    server = start(take.one_of(StrictPython, StrictNode), says=take.between(0.2, 0.4), ending="fin")
    way = start(Toxiproxy, server.port)
    way.poison("limit_data", bytes=take.one_of(300, 330))
    async with probing(way.url, "--reconnect", "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "close", count=2)
        assert await watch.finish() == 1
    for close in watch.of("close")[:2]:
        assert_cut(close)
    recorder.keep(take.of("toxiproxy-byte-limit"), watch)


async def test_a_limit_inside_a_message(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    way = start(Toxiproxy, echo_port)
    way.poison("limit_data", bytes=take.one_of(2000, 5000))
    words = ("--no-compression", "--stdin")
    async with probing(f"A={way.url}", f"direct=ws://{LOOPBACK}:{echo_port}/", *words, **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        await ask(watch, "send-repeat news 5000", "A")
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    close = watch.the("close", "A")
    assert_cut(close)
    assert close["transport"]["undecoded"] > 0
    recorder.keep(take.of("toxiproxy-cut-in-a-frame"), watch)


async def test_it_swallows_and_ends(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """Who talks hears nothing, and is cut; who goes round it is well."""
    way = start(Toxiproxy, echo_port)
    sessions = (f"A={way.url}", f"direct=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*sessions, "--stdin", *chatter(0.5, 3, "A"), **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        await seen(watch, "frame", "A", dir="in")
        way.poison("timeout", timeout=round(take.between(1, 2.5) * 1000))
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    assert_cut(watch.the("close", "A"))
    assert watch.the("close", "A")["idle_rx"] > 1
    recorder.keep(take.of("toxiproxy-swallows-and-ends"), watch)


async def test_it_swallows_and_we_ping(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """Its kernel acknowledges what it keeps to itself."""
    way = start(Toxiproxy, echo_port)
    words = ("--ping-interval", "0.6", "--ping-timeout", str(take.between(1, 2)), "--stdin")
    async with probing(f"A={way.url}", *words, **POSTMORTEM) as watch:
        await seen(watch, "frame", "A", dir="in", opcode=10, count=take.one_of(1, 2))
        way.poison("timeout", timeout=0)
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    assert watch.the("close", "A")["initiator"] == "local"
    recorder.keep(take.of("toxiproxy-swallows"), watch)


async def test_it_swallows_a_broker_s_beats(broker: RabbitMq, start: Starter, recorder: Recorder, take: Take) -> None:
    """Nothing comes any more in either direction: the broker drops a client whose beats it misses; here, unheard."""
    way = start(Toxiproxy, broker.port)
    words = (*LOGIN, "--heart-beat", "1000,1000", "--stdin")
    sessions = (f"A=stomp+ws://{LOOPBACK}:{way.port}/ws", f"direct=stomp+ws://{LOOPBACK}:{broker.port}/ws")
    async with probing(*sessions, *words, **POSTMORTEM) as watch:
        for name in ("A", "direct"):
            await watch.until(
                lambda line, name=name: (  # type: ignore[misc]
                    line["type"] == "stomp" and line.get("s") == name and line.get("command") == "CONNECTED"
                )
            )
        way.poison("timeout", timeout=round(take.between(5, 6) * 1000))
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    assert watch.the("close", "A")["initiator"] == "remote"
    recorder.keep(take.of("toxiproxy-swallows-beats"), watch)


async def test_it_is_turned_off(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """And on again: two sessions come back when they may, the direct one was never away."""
    way = start(Toxiproxy, echo_port)
    sessions = (f"A={way.url}", f"B={way.url}", f"direct=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*sessions, "--reconnect", "--stdin", *chatter(0.4, 3, take.one_of("A", "B"))) as watch:
        await seen(watch, "open", count=3)
        await seen(watch, "frame", dir="in", count=take.one_of(1, 2))
        way.turn(on=False)
        await seen(watch, "end", "A", how="refused")
        way.turn(on=True)
        await seen(watch, "open", "A", count=2)
        await seen(watch, "open", "B", count=2)
        await watch.finish()
    for name in "AB":
        assert_cut(watch.of("close", name)[0])
    recorder.keep(take.of("toxiproxy-off-and-on"), watch)


async def test_it_ends_what_talks(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """``reset_peer`` under open sessions: the one that talks is cut, the one that is silent lives on."""
    way = start(Toxiproxy, echo_port)
    async with probing(f"busy={way.url}", f"quiet={way.url}", "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        for word in ("one", "two"):
            await ask(watch, f"send {word}", "busy")
            await seen(watch, "frame", "busy", dir="in", text=word)
        way.poison("reset_peer", stream=take.one_of("downstream", "upstream"), timeout=take.one_of(0, 300))
        await ask(watch, "send three", "busy")
        await seen(watch, "close", "busy")
        await watch.finish()
    assert watch.the("close", "busy")["code"] == 1006
    recorder.keep(take.of("toxiproxy-reset-peer"), watch)


async def test_it_resets_whoever_connects(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    way = start(Toxiproxy, echo_port)
    way.poison("reset_peer", timeout=take.one_of(0, 200, 500))
    async with probing(f"direct=ws://{LOOPBACK}:{echo_port}/", "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open", "direct")
        await open_session(watch, name="A", url=way.url)
        await seen(watch, "close", "A")
        await watch.finish()
    assert watch.the("close", "A")["transport"]["how"] == "reset"
    recorder.keep(take.of("toxiproxy-resets-at-the-door"), watch)


@pytest.mark.parametrize("kind", ["latency", "slicer"])
async def test_it_is_slow_and_well(echo_port: int, start: Starter, recorder: Recorder, take: Take, kind: str) -> None:
    """Late answers, and answers in crumbs: the session lives."""
    way = start(Toxiproxy, echo_port)
    async with probing(f"A={way.url}", "--stdin", "--ping-interval", "1", **POSTMORTEM) as watch:
        await seen(watch, "open", "A")
        if kind == "latency":
            way.poison(kind, latency=round(take.between(0.4, 0.8) * 1000), jitter=100)
        else:
            way.poison(kind, average_size=take.one_of(3, 5), size_variation=1, delay=20_000)
        for word in ("are you there", "and now"):
            await ask(watch, f"send {word}", "A")
            await seen(watch, "frame", "A", dir="in", text=word)
        await seen(watch, "frame", "A", dir="in", opcode=10)
        assert await watch.finish() == 0
    recorder.keep(take.of(f"toxiproxy-{kind}"), watch)
