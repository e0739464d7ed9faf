"""Ways that are withdrawn, turn dark in one direction, or go away at the client's own end, under open sessions."""

import pytest

from tests.probing import ask, seen
from tests.servers.recordings import Recorder
from tests.servers.routed import CLIENT, INSIDE, OTHER, SERVER, routed
from tests.servers.takes import Take
from tests.servers.test_nat import BEATS, NODE, PYTHON, STOMP, leave, talk
from tests.servers.together import together
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

PINGS = ("--ping-interval", "0.5", "--ping-timeout", "1.5", "--close-timeout", "0.5")


async def answered(watch: Watch, take: Take, *sessions: str) -> None:
    """Waits until each has been told something a few times."""
    count = take.one_of(2, 3, 4)
    for session in sessions:
        await seen(watch, "frame", session, dir="in", count=count)


def assert_gave_up(watch: Watch, *sessions: str) -> None:
    """Our kernel ended them: nobody had answered."""
    for session in sessions:
        close = watch.of("close", session)[0]
        assert close["initiator"] == "none", close
        assert close["transport"]["how"] in ("timeout", "unreachable")


UNREACHABLE = {
    "route-withdrawn": ("unreachable",),
    "route-prohibited": ("prohibit",),
    "route-thrown": ("throw",),
}
"""What the router's administrator puts in the place of the route; the router tells the client by ICMP."""


async def the_router_knows_no_way(name: str, kind: str, take: Take, recorder: Recorder) -> None:
    """A session to another address behind the same router lives; one that looks again is told the same at its SYN."""
    with routed() as hosts:
        hosts.start_stomp()
        hosts.start_node()
        if kind == "throw":
            hosts.router.ip("route", "add", "throw", "default")
        names = (f"lost={NODE}", f"beats={STOMP}", f"other=ws://{OTHER}:8080/")
        words = (*BEATS, *talk(0.6, 12, "lost"), *talk(1.1, 8, "other"), "--stdin")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "lost", "beats", "other")
            if kind == "throw":
                hosts.router.ip("route", "delete", f"{SERVER}/32")
            else:
                hosts.router.ip("route", "replace", kind, f"{SERVER}/32")
            await seen(watch, "close", "lost")
            await seen(watch, "close", "beats")
            await seen(watch, "postmortem")
            assert not watch.of("close", "other")
            assert await leave(watch) == 1
    assert_gave_up(watch, "lost", "beats")
    recorder.keep(take.of(name), watch)


async def a_router_rejects_by_icmp(take: Take, recorder: Recorder) -> None:
    """``reject``'s own answer, port unreachable, to every packet of the client: TCP does not believe it at once."""
    with routed() as hosts:
        hosts.start_python()
        hosts.start_stomp()
        words = (*talk(take.one_of(0.3, 0.5), 20, "A"), *BEATS, "--stdin")
        async with watching(f"A={PYTHON}", f"B={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A", "B")
            hosts.router.wall("tcp dport 8081 reject")
            await seen(watch, "close", "A")
            await seen(watch, "postmortem", "A")
            assert not watch.of("close", "B")
            assert await leave(watch) == 1
    assert watch.the("close", "A")["initiator"] in ("none", "remote")
    recorder.keep(take.of("firewall-rejects-by-icmp"), watch)


async def only_what_we_say_is_lost(take: Take, recorder: Recorder) -> None:
    """Neither our pongs nor our acknowledgements arrive: the server says the same again, and its Close never comes."""
    with routed() as hosts:
        hosts.be_patient(take.one_of(3, 4))
        hosts.start_python(ping_interval=0.5, ping_timeout=take.between(1.2, 2))
        hosts.start_stomp()
        words = ("--stdin", *BEATS, "--close-timeout", "1")
        async with watching(f"A={PYTHON}", f"other={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "A", opcode=10, dir="out", count=take.one_of(2, 3))
            hosts.router.wall('iifname "lan" tcp dport 8081 drop')
            await seen(watch, "close", "A")
            await seen(watch, "postmortem", "A")
            assert not watch.of("close", "other")
            assert await leave(watch) == 1
    assert_gave_up(watch, "A")
    recorder.keep(take.of("one-way-out-dark"), watch)


async def only_what_they_say_is_lost(take: Take, recorder: Recorder) -> None:
    """We stop waiting for pongs; two sessions to one server, one of them to a port that nobody walled."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_python()
        hosts.start_node()
        async with watching(
            f"A={PYTHON}", f"B={NODE}", *PINGS, "--stdin", on=hosts.client.words, **POSTMORTEM
        ) as watch:
            await answered(watch, take, "A", "B")
            hosts.router.wall('iifname "wan" tcp sport 8081 drop')
            await seen(watch, "close", "A")
            assert not watch.of("close", "B")
            assert await leave(watch) == 1
    close = watch.the("close", "A")
    assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    recorder.keep(take.of("one-way-in-dark"), watch)


async def beats_of_theirs_are_lost(take: Take, recorder: Recorder) -> None:
    """We only listen: the server's beats stop coming, and the user leaves after a while."""
    with routed() as hosts:
        hosts.be_patient(8)
        beat = take.one_of(700, 900, 1200)
        hosts.start_stomp(beat_every=beat, wants=60000)
        words = ("--heart-beat", f"60000,{beat}", "-n", "2", "--close-timeout", "1", "--stdin")
        async with watching(STOMP, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A1", "A2")
            hosts.router.wall('iifname "wan" tcp sport 8082 drop')
            await seen(watch, "heartbeat", "A1", layer="stomp-in", state="missed")
            await seen(watch, "heartbeat", "A2", layer="stomp-in", state="missed")
            await seen(watch, "tcp_info", "A2", when="silent", count=3)
            assert await leave(watch) == 0
    for session in ("A1", "A2"):
        assert watch.the("close", session)["received"] is None
    recorder.keep(take.of("one-way-in-dark-listening"), watch)


async def the_lease_is_renewed_with_another_address(take: Take, recorder: Recorder) -> None:
    """The old address is gone and a new one there at once; who looks again is served."""
    with routed() as hosts:
        hosts.start_stomp()
        hosts.start_node()
        words = (*BEATS, "--ping-interval", str(take.between(0.4, 0.8)), "--stdin")
        async with watching(f"ws={NODE}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "ws", "stomp")
            hosts.client.ip("address", "delete", f"{CLIENT}/24", "dev", "eth0")
            hosts.client.ip("address", "add", "10.78.1.77/24", "dev", "eth0")
            hosts.client.ip("route", "replace", "default", "via", INSIDE)
            await seen(watch, "close", count=2)
            await seen(watch, "postmortem", count=2)
            assert await watch.finish(40) == 1
    for session in ("ws", "stomp"):
        assert watch.of("close", session)[0]["initiator"] in ("none", "local", "remote")
        assert watch.of("route", session)[-1].get("local") != CLIENT
    recorder.keep(take.of("client-address-replaced"), watch)


async def the_default_route_goes(take: Take, recorder: Recorder) -> None:
    """The interface and its address stay; no way leads out any more."""
    with routed() as hosts:
        hosts.start_python()
        hosts.start_node()
        words = (*talk(take.one_of(0.3, 0.4), 20, "A"), *talk(0.7, 10, "B"))
        async with watching(f"A={PYTHON}", f"B={NODE}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A", "B")
            hosts.client.ip("route", "delete", "default")
            await seen(watch, "close", count=2)
            assert await watch.finish(40) == 1
    assert_gave_up(watch, "A", "B")
    assert watch.of("route", "A")[-1].get("error") == "ENETUNREACH"
    recorder.keep(take.of("client-default-route-gone"), watch)


async def the_cable_is_out_for_a_moment(take: Take, recorder: Recorder) -> None:
    """Three seconds without a carrier: beats and pings are said again, and both sessions live."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_stomp(beat_every=1000, wants=1000)
        hosts.start_node()
        words = ("--heart-beat", "1000,1000", "--ping-interval", "1", "--stdin")
        async with watching(f"ws={NODE}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "ws", "stomp")
            hosts.router.ip("link", "set", "lan", "down")
            await seen(watch, "heartbeat", "stomp", layer="stomp-in", state="missed")
            hosts.router.ip("link", "set", "lan", "up")
            await seen(watch, "heartbeat", "stomp", layer="stomp-in", state="recovered")
            pongs = len(watch.of("frame", "ws", opcode=10, dir="in"))
            await seen(watch, "frame", "ws", opcode=10, dir="in", count=pongs + 3)
            assert await leave(watch) == 0
    recorder.keep(take.of("client-cable-out-for-a-moment"), watch)


async def our_interface_is_down_for_a_moment(take: Take, recorder: Recorder) -> None:
    """The same where the client's own interface is taken down and up again, by hand: address kept, route put back."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_stomp(beat_every=1000, wants=1000)
        hosts.start_python()
        words = ("--heart-beat", "1000,1000", *talk(0.6, 20, "ws"), "--stdin")
        async with watching(f"ws={PYTHON}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "ws", "stomp")
            hosts.client.ip("link", "set", "eth0", "down")
            await seen(watch, "heartbeat", "stomp", layer="stomp-in", state=take.one_of("late", "missed"))
            hosts.client.ip("link", "set", "eth0", "up")
            hosts.client.ip("route", "replace", "default", "via", INSIDE)
            await seen(watch, "heartbeat", "stomp", layer="stomp-in", state="recovered")
            echoes = len(watch.of("frame", "ws", opcode=1, dir="in"))
            await seen(watch, "frame", "ws", opcode=1, dir="in", count=echoes + 3)
            assert await leave(watch) == 0
    recorder.keep(take.of("client-interface-down-for-a-moment"), watch)


async def a_vpn_takes_the_way(take: Take, recorder: Recorder) -> None:
    """A second interface comes up and is preferred: packets leave by it with the old address, and are not let through.

    New connections are, with the new address.
    """
    with routed() as hosts:
        hosts.start_stomp()
        hosts.start_node()
        peer = ("peer", "name", "tun0", "netns", hosts.router.name)
        hosts.client.ip("link", "add", "tun0", "type", "veth", *peer)
        hosts.router.ip("address", "add", "10.78.9.1/24", "dev", "tun0")
        hosts.router.ip("link", "set", "tun0", "up")
        hosts.router.wall('iifname "tun0" ip saddr != 10.78.9.2 drop')
        words = (*BEATS, *talk(take.one_of(0.3, 0.5), 20, "ws"), "--stdin")
        async with watching(f"ws={NODE}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "ws", "stomp")
            hosts.client.ip("address", "add", "10.78.9.2/24", "dev", "tun0")
            hosts.client.ip("link", "set", "tun0", "up")
            hosts.client.ip("route", "add", "10.79.0.0/16", "via", "10.78.9.1", "src", "10.78.9.2")
            await seen(watch, "close", count=2)
            await seen(watch, "postmortem", count=2)
            assert await watch.finish(40) == 1
    for session in ("ws", "stomp"):
        assert watch.of("route", session)[-1].get("local") == "10.78.9.2"
    recorder.keep(take.of("vpn-takes-the-way"), watch)


async def a_vpn_goes(take: Take, recorder: Recorder) -> None:
    """The sessions run over the second interface; it goes away, and the old way is there for those who come anew."""
    with routed() as hosts:
        hosts.start_python()
        hosts.start_stomp()
        peer = ("peer", "name", "tun0", "netns", hosts.router.name)
        hosts.client.ip("link", "add", "tun0", "type", "veth", *peer)
        hosts.router.ip("address", "add", "10.78.9.1/24", "dev", "tun0")
        hosts.router.ip("link", "set", "tun0", "up")
        hosts.client.ip("address", "add", "10.78.9.2/24", "dev", "tun0")
        hosts.client.ip("link", "set", "tun0", "up")
        hosts.client.ip("route", "add", f"{SERVER}/32", "via", "10.78.9.1", "src", "10.78.9.2")
        names = (f"A={PYTHON}", f"B={STOMP}", f"direct=ws://{OTHER}:8081/")
        words = (*BEATS, *talk(0.4, 20, "A"), *talk(0.5, 16, "direct"), "--stdin")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A", "B", "direct")
            hosts.client.ip("link", "delete", "tun0")
            await seen(watch, "close", "A")
            await seen(watch, "close", "B")
            await seen(watch, "postmortem", count=2)
            assert not watch.of("close", "direct")
            await ask(watch, "direct: send still here", "direct")
            assert await leave(watch) == 1
    for session in ("A", "B"):
        assert watch.of("route", session)[0]["local"] == "10.78.9.2"
        assert watch.of("route", session)[-1].get("local") == CLIENT
    recorder.keep(take.of("vpn-interface-gone"), watch)


async def test_ways_that_are_withdrawn(take: Take, recorder: Recorder) -> None:
    await together(
        (
            *(the_router_knows_no_way(name, *kind, take, recorder) for name, kind in UNREACHABLE.items()),
            a_router_rejects_by_icmp(take, recorder),
            only_what_we_say_is_lost(take, recorder),
            only_what_they_say_is_lost(take, recorder),
            beats_of_theirs_are_lost(take, recorder),
        )
    )


async def test_the_clients_own_end(take: Take, recorder: Recorder) -> None:
    await together(
        (
            the_lease_is_renewed_with_another_address(take, recorder),
            the_default_route_goes(take, recorder),
            the_cable_is_out_for_a_moment(take, recorder),
            our_interface_is_down_for_a_moment(take, recorder),
            a_vpn_takes_the_way(take, recorder),
            a_vpn_goes(take, recorder),
        )
    )
