"""Brokers on the far side of a router, and what ways that turn bad do to sessions with beats.

What lasts longer than a broker waits for beats ends a session even where the way is good again: the broker's end waits
for the client there, as a Close, a FIN or, since it does not remember for ever, a RST.
"""

import pytest

from tests.probing import seen
from tests.servers.afar import Afar
from tests.servers.rabbitmq import LOGIN as GUEST
from tests.servers.recordings import Recorder
from tests.servers.routed import routed
from tests.servers.takes import Take
from tests.servers.test_nat import NODE, PYTHON, leave, talk
from tests.servers.test_ways import assert_gave_up
from tests.servers.together import together
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def beaten(watch: Watch, take: Take, *sessions: str) -> None:
    """Waits until each has had a beat of the broker's or two."""
    count = take.one_of(1, 2)
    for session in sessions:
        await seen(watch, "stomp", session, command="beat", dir="in", count=count)


async def the_way_is_dark_for_good(afar: Afar, take: Take, recorder: Recorder) -> None:
    """A firewall swallows what is for one of RabbitMQ's ports; the session by the other lives."""
    with routed(afar.host) as hosts:
        hosts.be_patient(3)
        (lost, *login), (lives, *_) = afar.words("rabbitmq"), afar.words("rabbitmq-tcp")
        words = (*login, "--heart-beat", take.one_of("1000,1000", "1500,1000"), "--stdin")
        async with watching(f"lost={lost}", f"lives={lives}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await beaten(watch, take, "lost", "lives")
            hosts.router.wall(f"tcp dport {afar.port('rabbitmq')} drop")
            await seen(watch, "close", "lost")
            await seen(watch, "postmortem", "lost")
            assert not watch.of("close", "lives")
            assert await leave(watch) == 1
    assert_gave_up(watch, "lost")
    recorder.keep(take.of("broker-way-dark"), watch)


async def the_way_is_dark_for_too_long(afar: Afar, take: Take, recorder: Recorder, broker: str) -> None:
    """It is there again after some seconds; the broker has given up on our beats by then."""
    with routed(afar.host) as hosts:
        hosts.be_patient(8)
        words = ("--heart-beat", "1000,1000", *(("-n", "2") if broker == "rabbitmq" else ()))
        count = 2 if broker == "rabbitmq" else 1
        async with watching(*afar.words(broker), *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await beaten(watch, take, *(("A1", "A2") if count == 2 else "A"))
            hosts.router.wall("drop")
            await seen(watch, "heartbeat", layer="stomp-in", state="missed", count=count)
            await seen(watch, "tcp_info", when="silent", count=4 * count)
            hosts.router.no_wall()
            await seen(watch, "close", count=count)
            assert await watch.finish(60) == 1
    for close in watch.of("close"):
        assert close["initiator"] == "remote"
    recorder.keep(take.of(f"broker-way-dark-too-long-{broker}"), watch)


async def the_way_is_dark_for_a_moment(afar: Afar, take: Take, recorder: Recorder) -> None:
    """Beats every three seconds survive what those of a second would not."""
    with routed(afar.host) as hosts:
        hosts.be_patient(8)
        url, *login = afar.words("activemq")
        words = (*login, "-n", "2", "--heart-beat", "3000,3000", "--stdin")
        async with watching(url, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await beaten(watch, take, "A1", "A2")
            hosts.router.wall("drop")
            await seen(watch, "heartbeat", "A1", layer="stomp-in", state="late")
            hosts.router.no_wall()
            for name in ("A1", "A2"):
                await seen(watch, "stomp", name, command="beat", dir="in", count=4)
            assert await leave(watch) == 0
    recorder.keep(take.of("broker-way-dark-for-a-moment"), watch)


async def a_server_that_pings_gives_up(take: Take, recorder: Recorder, kind: str) -> None:
    """The same without STOMP: pings unanswered for as long as the way was dark."""
    with routed() as hosts:
        hosts.be_patient(8)
        if kind == "node":
            hosts.start_node(pingEvery=take.one_of(700, 900))
        else:
            hosts.start_python(ping_interval=0.7, ping_timeout=take.between(1, 1.5))
        url = NODE if kind == "node" else PYTHON
        async with watching(url, *talk(1.1, 10), on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", opcode=10, dir="out", count=take.one_of(2, 3))
            hosts.router.wall("drop")
            await seen(watch, "tcp_info", when="silent", count=4)
            hosts.router.no_wall()
            await seen(watch, "close")
            assert await watch.finish(60) == 1
    assert watch.the("close")["initiator"] == "remote"
    recorder.keep(take.of(f"way-dark-too-long-{kind}"), watch)


async def its_router_forgets(afar: Afar, take: Take, recorder: Recorder, broker: str) -> None:
    """Beats agreed every four seconds, and a router that remembers for two."""
    with routed(afar.host) as hosts:
        hosts.be_patient(2)
        hosts.router.set(
            net__netfilter__nf_conntrack_tcp_timeout_established=2, net__netfilter__nf_conntrack_tcp_loose=0
        )
        hosts.router.wall("ct state invalid drop", name="strict")
        words = ("--heart-beat", f"{take.one_of(4000, 4500)},4000", "-n", "2", "--stagger", "1")
        async with watching(*afar.words(broker), *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", count=2)
            assert await watch.finish(60) == 1
    assert_gave_up(watch, "A1", "A2")
    recorder.keep(take.of(f"nat-forgets-{broker}"), watch)


async def large_ones_vanish(afar: Afar, take: Take, recorder: Recorder) -> None:
    """A large SEND is stuck, and our beats behind it; the broker's still come, until it gives up on us."""
    with routed(afar.host) as hosts:
        hosts.be_patient(8)
        hosts.router.ip("link", "set", "wan", "mtu", "1300")
        hosts.router.wall("icmp type destination-unreachable drop", "output")
        big = "x" * take.one_of(4000, 9000)
        async with watching(
            *afar.words("rabbitmq-tcp"), "--heart-beat", "1000,1000", f"--do=2.5 stomp-send /queue/large {big}",
            on=hosts.client.words, **POSTMORTEM,
        ) as watch:  # fmt: skip
            await seen(watch, "close")
            assert await watch.finish(60) == 1
    assert watch.of("tcp_info")[-1]["unacked"] >= 1
    recorder.keep(take.of("broker-large-ones-vanish"), watch)


async def guest_from_afar(afar: Afar, take: Take, recorder: Recorder) -> None:
    """RabbitMQ lets its user guest in from its own host alone."""
    with routed(afar.host) as hosts:
        url, *_ = afar.words("rabbitmq")
        timeout = ("--open-timeout", str(take.between(3, 6)))
        async with watching(url, *GUEST, *timeout, on=hosts.client.words, **POSTMORTEM) as watch:
            assert await watch.finish(60) == 3
    recorder.keep(take.of("broker-guest-from-afar"), watch)


async def the_router_forgets_a_poll(afar: Afar, take: Take, recorder: Recorder) -> None:
    """A SockJS stream whose flow is forgotten: what the server says on it reaches nobody; what we send is taken."""
    with routed(afar.host) as hosts:
        hosts.be_patient(8)
        words = ("--sockjs-transport", "xhr-streaming", "--close-timeout", "1", "--stdin")
        async with watching(afar.sockjs, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "sockjs", dir="in", kind="h", count=take.one_of(2, 3))
            hosts.forget_flows()
            await seen(watch, "heartbeat", layer="sockjs-h", state="missed")
            await seen(watch, "tcp_info", when="silent", count=3)
            await watch.command("send is anybody there")
            await seen(watch, "http", status=204)
            told = len(watch.of("tcp_info", when="silent"))
            await seen(watch, "tcp_info", when="silent", count=told + 2)
            assert await leave(watch) == 0
    assert not watch.of("sockjs", dir="in", kind="a")
    recorder.keep(take.of("nat-forgets-sockjs-stream"), watch)


async def sockjs_on_a_dark_way(afar: Afar, take: Take, recorder: Recorder) -> None:
    """Its websocket transport: heartbeats stop, what we say is not acknowledged."""
    with routed(afar.host) as hosts:
        hosts.be_patient(3)
        words = ("--sockjs-transport", "websocket", *talk(0.9, 12))
        async with watching(afar.sockjs, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "sockjs", dir="in", kind="a", count=take.one_of(2, 3))
            hosts.router.wall("drop")
            await seen(watch, "close")
            assert await watch.finish(60) == 1
    assert_gave_up(watch, "A")
    recorder.keep(take.of("sockjs-way-dark"), watch)


async def sockjs_with_a_pause(afar: Afar, take: Take, recorder: Recorder, transport: str) -> None:
    """A second or two without a way: polls and heartbeats come late, the session lives."""
    with routed(afar.host) as hosts:
        hosts.be_patient(8)
        words = ("--sockjs-transport", transport, "--stdin")
        async with watching(afar.sockjs, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "sockjs", dir="in", kind="h", count=2)
            hosts.router.wall("drop")
            await seen(watch, "heartbeat", layer="sockjs-h", state="late")
            hosts.router.no_wall()
            beats = len(watch.of("sockjs", dir="in", kind="h"))
            await seen(watch, "sockjs", dir="in", kind="h", count=beats + 3)
            assert await leave(watch) == 0
    recorder.keep(take.of(f"sockjs-pause-{transport}"), watch)


async def test_dark_ways(afar: Afar, take: Take, recorder: Recorder) -> None:
    await together(
        (
            the_way_is_dark_for_good(afar, take, recorder),
            the_way_is_dark_for_too_long(afar, take, recorder, "rabbitmq"),
            the_way_is_dark_for_too_long(afar, take, recorder, "activemq"),
            the_way_is_dark_for_a_moment(afar, take, recorder),
            a_server_that_pings_gives_up(take, recorder, "node"),
            a_server_that_pings_gives_up(take, recorder, "python"),
            sockjs_on_a_dark_way(afar, take, recorder),
        )
    )


async def test_routers(afar: Afar, take: Take, recorder: Recorder) -> None:
    await together(
        (
            its_router_forgets(afar, take, recorder, "rabbitmq"),
            its_router_forgets(afar, take, recorder, "activemq"),
            large_ones_vanish(afar, take, recorder),
            guest_from_afar(afar, take, recorder),
            the_router_forgets_a_poll(afar, take, recorder),
            sockjs_with_a_pause(afar, take, recorder, "xhr-streaming"),
            sockjs_with_a_pause(afar, take, recorder, "xhr-polling"),
        )
    )
