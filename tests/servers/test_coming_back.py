"""Clients that reconnect: what they meet as long as the network is as it was, and when it is well again."""

import pytest

from tests.probing import seen
from tests.servers.afar import Afar
from tests.servers.recordings import Recorder
from tests.servers.routed import INSIDE, routed
from tests.servers.takes import Take
from tests.servers.test_nat import BEATS, NODE, PYTHON, STOMP, leave, talk
from tests.servers.test_ways import answered, assert_gave_up
from tests.servers.together import together
from tests.watching import watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

AGAIN = ("--reconnect", "--stdin")


async def the_way_is_dark_for_some_time(take: Take, recorder: Recorder) -> None:
    """The first attempts are not answered; a session to another port of the server lives all the while."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_python()
        pings = ("--ping-interval", str(take.between(0.7, 1)), "--open-timeout", "2")
        async with watching(f"A={NODE}", f"B={PYTHON}", *pings, *AGAIN, on=hosts.client.words) as watch:
            await answered(watch, take, "A", "B")
            hosts.router.wall("tcp dport 8080 drop")
            await seen(watch, "end", "A", how="timeout", count=2)
            hosts.router.no_wall()
            await seen(watch, "open", "A", count=2)
            assert not watch.of("close", "B")
            await leave(watch)
    assert_gave_up(watch, "A")
    recorder.keep(take.of("reconnect-way-dark"), watch)


async def our_interface_is_down_for_some_time(take: Take, recorder: Recorder) -> None:
    """No way leads out at the first attempts; then it does."""
    with routed() as hosts:
        hosts.start_stomp(beat_every=1000, wants=1000)
        hosts.start_node()
        words = ("--heart-beat", "1000,1000", *talk(0.6, 6, "ws"), *AGAIN)
        async with watching(f"ws={NODE}", f"stomp={STOMP}", *words, on=hosts.client.words) as watch:
            await answered(watch, take, "ws", "stomp")
            hosts.client.ip("link", "set", "eth0", "down")
            for session in ("ws", "stomp"):
                await seen(watch, "end", session, count=2)
            hosts.client.ip("link", "set", "eth0", "up")
            hosts.client.ip("route", "replace", "default", "via", INSIDE)
            await seen(watch, "open", "ws", count=2)
            await seen(watch, "open", "stomp", count=2)
            await leave(watch)
    for session in ("ws", "stomp"):
        assert watch.of("close", session)[0]["initiator"] == "none"
    recorder.keep(take.of("reconnect-interface-down"), watch)


async def it_is_reset_when_idle_again(take: Take, recorder: Recorder) -> None:
    """Each connection gets its RST after the same time without a word; one that beats gets none."""
    with routed() as hosts:
        hosts.start_stomp()
        hosts.start_node()
        hosts.weather(idle=take.between(1.8, 2.6))
        words = (*BEATS, *talk(0.3, take.one_of(1, 2, 3), "idle"), *AGAIN)
        async with watching(f"idle={NODE}", f"beats={STOMP}", *words, on=hosts.client.words) as watch:
            await seen(watch, "end", "idle", how="reset", count=3)
            assert not watch.of("close", "beats")
            await leave(watch)
    for close in watch.of("close", "idle")[:3]:
        assert close["initiator"] == "remote" and close["idle_rx"] > 1.5
    recorder.keep(take.of("reconnect-firewall-resets-idle"), watch)


async def the_router_forgets_again(take: Take, recorder: Recorder) -> None:
    """Pings too rare for its memory: each connection ends with its first ping."""
    with routed() as hosts:
        hosts.start_python()
        hosts.masquerade(forgets_after=1, strict=True)
        pings = ("--ping-interval", str(take.between(2.4, 3)))
        async with watching(PYTHON, *pings, *AGAIN, on=hosts.client.words) as watch:
            await seen(watch, "end", how="timeout", count=2)
            await leave(watch)
    for close in watch.of("close")[:2]:
        assert (close["transport"]["how"], close["initiator"]) == ("timeout", "none")
    recorder.keep(take.of("reconnect-nat-forgets"), watch)


async def the_route_is_away_for_some_time(take: Take, recorder: Recorder) -> None:
    """The router says that no way leads there, to what is open and to who comes again; then one does."""
    with routed() as hosts:
        hosts.start_stomp()
        async with watching(STOMP, *BEATS, *AGAIN, on=hosts.client.words) as watch:
            await answered(watch, take, "A")
            hosts.router.wall("tcp dport 8082 reject with icmp type host-unreachable")
            await seen(watch, "end", how="unreachable", count=take.one_of(2, 3))
            hosts.router.no_wall()
            await seen(watch, "open", count=2)
            await seen(watch, "stomp", command="CONNECTED", count=2)
            await leave(watch)
    assert_gave_up(watch, "A")
    recorder.keep(take.of("reconnect-route-away"), watch)


async def a_broker_gives_up_in_the_dark(afar: Afar, take: Take, recorder: Recorder) -> None:
    """Seconds without a way, and the broker has ended both sessions: they come back at once."""
    with routed(afar.host) as hosts:
        hosts.be_patient(8)
        words = ("-n", "2", "--heart-beat", "1000,1000", *AGAIN)
        async with watching(*afar.words("rabbitmq"), *words, on=hosts.client.words) as watch:
            await answered(watch, take, "A1", "A2")
            hosts.router.wall("drop")
            told = len(watch.of("tcp_info", "A1", when="silent"))  # told after 1, 2 and 4 seconds of silence
            await seen(watch, "tcp_info", "A1", when="silent", count=told + 3)
            hosts.router.no_wall()
            await seen(watch, "close", count=2)
            for session in ("A1", "A2"):
                await seen(watch, "stomp", session, command="CONNECTED", count=2)
            await leave(watch)
    for session in ("A1", "A2"):
        assert watch.of("close", session)[0]["initiator"] == "remote"
    recorder.keep(take.of("reconnect-broker-way-dark"), watch)


async def test_all_at_once(afar: Afar, take: Take, recorder: Recorder) -> None:
    await together(
        (
            the_way_is_dark_for_some_time(take, recorder),
            our_interface_is_down_for_some_time(take, recorder),
            it_is_reset_when_idle_again(take, recorder),
            the_router_forgets_again(take, recorder),
            the_route_is_away_for_some_time(take, recorder),
            a_broker_gives_up_in_the_dark(afar, take, recorder),
        )
    )
