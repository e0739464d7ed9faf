"""A laptop that sleeps: its programs stand still and its cable is dark. It wakes in time, too late or elsewhere."""

import asyncio

import pytest

from tests.probing import seen
from tests.servers.afar import Afar
from tests.servers.frozen import frozen
from tests.servers.recordings import Recorder
from tests.servers.routed import CLIENT, INSIDE, Routed, routed
from tests.servers.takes import Take
from tests.servers.test_nat import NODE, PYTHON, STOMP, leave, talk
from tests.servers.test_ways import answered
from tests.servers.together import together
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def sleep(hosts: Routed, watch: Watch, seconds: float, *, and_then: str = "here") -> None:
    """The lid is shut for so long; it is opened ``here``, ``elsewhere`` (with another address) or ``nowhere``."""
    hosts.router.ip("link", "set", "lan", "down")
    with frozen(watch.process.pid):
        await asyncio.sleep(seconds)
        if and_then == "elsewhere":
            hosts.client.ip("address", "delete", f"{CLIENT}/24", "dev", "eth0")
            hosts.client.ip("address", "add", "10.78.1.66/24", "dev", "eth0")
        if and_then == "nowhere":
            hosts.client.ip("link", "set", "eth0", "down")
        else:
            hosts.router.ip("link", "set", "lan", "up")
            hosts.client.ip("route", "replace", "default", "via", INSIDE)
    await seen(watch, "stall")


async def longer_than_a_broker_waits(afar: Afar, take: Take, recorder: Recorder, broker: str) -> None:
    """Two sessions with beats every second: the broker has ended both, and its words wait for the laptop."""
    with routed(afar.host) as hosts:
        hosts.be_patient(8)
        words = ("-n", "2", "--heart-beat", "1000,1000")
        async with watching(*afar.words(broker), *words, on=hosts.client.words, **POSTMORTEM) as watch:
            for name in ("A1", "A2"):
                await seen(watch, "stomp", name, command="beat", dir="in", count=2)
            await sleep(hosts, watch, take.between(5, 7))
            await seen(watch, "close", count=2)
            assert await watch.finish(40) == 1
    for close in watch.of("close"):
        assert close["initiator"] == "remote"
    recorder.keep(take.of(f"laptop-sleeps-{broker}"), watch)


async def longer_than_one_of_two_waits(take: Take, recorder: Recorder) -> None:
    """One server asks for pongs and has given up; the other does not ask, and that session lives."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_node(pingEvery=take.one_of(600, 800))
        hosts.start_python()
        words = (*talk(0.7, 2, "patient"), "--stdin")
        async with watching(f"asked={NODE}", f"patient={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "asked")
            await seen(watch, "frame", "patient", opcode=1, dir="in")
            await sleep(hosts, watch, take.between(3.5, 5))
            await seen(watch, "close", "asked")
            await watch.command("patient: send here again")
            await seen(watch, "frame", "patient", opcode=1, dir="in", text="here again")
            assert await leave(watch) == 1
    assert watch.the("close", "asked")["initiator"] == "remote"
    recorder.keep(take.of("laptop-sleeps-one-of-two"), watch)


async def in_time(afar: Afar, take: Take, recorder: Recorder) -> None:
    """The broker's patience, two beats, is longer than its sleep."""
    with routed(afar.host) as hosts:
        hosts.be_patient(8)
        words = ("--heart-beat", "3000,3000", "--stdin")
        async with watching(*afar.words("rabbitmq"), *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "stomp", command="beat", dir="in")
            await sleep(hosts, watch, take.between(1.5, 2.2))
            await seen(watch, "stomp", command="beat", dir="in", count=4)
            assert await leave(watch) == 0
    recorder.keep(take.of("laptop-wakes-in-time"), watch)


async def nobody_minds(take: Take, recorder: Recorder) -> None:
    """Servers that wait for nothing: both sessions are there as they were."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_python()
        hosts.start_stomp(beat_every=2000, wants=0)
        words = (*talk(0.5, 2, "ws"), "--heart-beat", "0,2000", "--stdin")
        async with watching(f"ws={PYTHON}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "ws")
            await seen(watch, "stomp", "stomp", command="beat", dir="in")
            await sleep(hosts, watch, take.between(4, 6))
            await watch.command("ws: send here again")
            await seen(watch, "frame", "ws", opcode=1, dir="in", text="here again")
            await seen(watch, "stomp", "stomp", command="beat", dir="in", count=5)
            assert await leave(watch) == 0
    recorder.keep(take.of("laptop-sleeps-unnoticed"), watch)


async def elsewhere(take: Take, recorder: Recorder) -> None:
    """It wakes in another network: nobody waited for it, but its old address is gone."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_python()
        hosts.start_stomp(beat_every=1000, wants=1000)
        words = ("--ping-interval", "1", "--heart-beat", "1000,1000", "--stdin")
        async with watching(f"ws={PYTHON}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "ws", "stomp")
            await sleep(hosts, watch, take.between(2.5, 4), and_then="elsewhere")
            await seen(watch, "close", count=2)
            assert await watch.finish(40) == 1
    for session in ("ws", "stomp"):
        assert watch.of("route", session)[-1].get("local") != CLIENT
    recorder.keep(take.of("laptop-wakes-elsewhere"), watch)


async def a_stream_is_not_noticed(afar: Afar, take: Take, recorder: Recorder) -> None:
    """sockjs-node writes its heartbeats into a stream, acknowledged or not: they all come in the end."""
    with routed(afar.host) as hosts:
        hosts.be_patient(8)
        words = ("--sockjs-transport", "xhr-streaming", "--stdin")
        async with watching(afar.sockjs, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "sockjs", dir="in", kind="h", count=take.one_of(1, 2))
            await sleep(hosts, watch, take.between(4, 6))
            beats = len(watch.of("sockjs", dir="in", kind="h"))
            await seen(watch, "sockjs", dir="in", kind="h", count=beats + 3)
            await watch.command("send here again")
            await seen(watch, "sockjs", dir="in", kind="a")
            assert await leave(watch) == 0
    recorder.keep(take.of("laptop-sleeps-sockjs-xhr-streaming"), watch)


async def a_poll_is_missed(afar: Afar, take: Take, recorder: Recorder) -> None:
    """sockjs-node forgets a session that nobody polls for two seconds."""
    with routed(afar.host) as hosts:
        hosts.be_patient(8)
        words = ("--sockjs-transport", "xhr-polling", *talk(0.5, 2), "--stdin")
        async with watching(afar.sockjs, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "sockjs", dir="in", kind="h")
            await sleep(hosts, watch, take.between(6, 8))
            await watch.command("send here again")
            await seen(watch, "close")
            await leave(watch)
    recorder.keep(take.of("laptop-sleeps-sockjs-xhr-polling"), watch)


async def a_websocket_is_given_up(afar: Afar, take: Take, recorder: Recorder) -> None:
    """sockjs-node pings a WebSocket every second and gives up on who has not answered by the next."""
    with routed(afar.host) as hosts:
        hosts.be_patient(8)
        words = ("--sockjs-transport", "websocket", "-n", "2")
        async with watching(afar.sockjs, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            for session in ("A1", "A2"):
                await seen(watch, "frame", session, opcode=10, dir="out", count=take.one_of(1, 2))
            await sleep(hosts, watch, take.between(4, 6))
            await seen(watch, "close", count=2)
            assert await watch.finish(60) == 1
    for close in watch.of("close"):
        assert close["initiator"] == "remote"
    recorder.keep(take.of("laptop-sleeps-sockjs-websocket"), watch)


async def a_server_pings_for_long(take: Take, recorder: Recorder) -> None:
    """python-websockets waits for longer than the laptop sleeps; a session that pings itself is well too."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_python(ping_interval=1, ping_timeout=8)
        hosts.start_node()
        words = ("--ping-interval", "1", "--stdin")
        async with watching(f"A={PYTHON}", f"B={NODE}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A", "B")
            await sleep(hosts, watch, take.between(2.5, 4))
            for session in ("A", "B"):
                pongs = len(watch.of("frame", session, opcode=10, dir="in"))
                await seen(watch, "frame", session, opcode=10, dir="in", count=pongs + 3)
            assert await leave(watch) == 0
    recorder.keep(take.of("laptop-sleeps-and-nobody-gave-up"), watch)


async def it_wakes_without_a_network(take: Take, recorder: Recorder) -> None:
    """On the train: asleep for a moment, and no cable any more when it wakes."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_python()
        hosts.start_stomp(beat_every=1000, wants=1000)
        words = ("--heart-beat", "1000,1000", *talk(0.7, 12, "ws"))
        async with watching(f"ws={PYTHON}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "ws", "stomp")
            await sleep(hosts, watch, take.between(1.5, 2.5), and_then="nowhere")
            await seen(watch, "close", count=2)
            assert await watch.finish(60) == 1
    for session in ("ws", "stomp"):
        assert watch.the("close", session)["initiator"] == "none"
    recorder.keep(take.of("laptop-wakes-without-network"), watch)


async def test_others(afar: Afar, take: Take, recorder: Recorder) -> None:
    await together(
        (
            a_websocket_is_given_up(afar, take, recorder),
            a_server_pings_for_long(take, recorder),
            it_wakes_without_a_network(take, recorder),
        )
    )


async def test_all_at_once(afar: Afar, take: Take, recorder: Recorder) -> None:
    await together(
        (
            longer_than_a_broker_waits(afar, take, recorder, "rabbitmq"),
            longer_than_a_broker_waits(afar, take, recorder, "activemq"),
            longer_than_one_of_two_waits(take, recorder),
            in_time(afar, take, recorder),
            nobody_minds(take, recorder),
            elsewhere(take, recorder),
            a_stream_is_not_noticed(afar, take, recorder),
            a_poll_is_missed(afar, take, recorder),
        )
    )
