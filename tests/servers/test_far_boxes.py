"""Boxes on the way that pick one flow, grow tired of old ones, forget idle ones or start anew, and who lives on."""

import asyncio

import pytest

from tests.probing import seen
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, Routed, routed
from tests.servers.test_nat import NODE, PYTHON, STOMP, leave, talk
from tests.servers.together import together
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def looked(watch: Watch, session: str, stage: str = "http") -> None:
    """Waits until the look after its drop is over: at ``stage``, or where it failed."""
    await watch.until(
        lambda line: (
            line["type"] == "postmortem" and line["s"] == session and (line["stage"] == stage or not line["ok"])
        )
    )


async def heard(watch: Watch, count: int, *sessions: str) -> None:
    """Waits until each has been told something so often."""
    for session in sessions:
        await seen(watch, "frame", session, dir="in", count=count)


async def left(watch: Watch, *sessions: str, status: int) -> None:
    """Leaves while ``sessions`` live."""
    for session in sessions:
        assert not watch.of("close", session)
    assert await leave(watch) == status


def port_of(watch: Watch, session: str) -> str:
    """The port its connection leaves from."""
    local: str = watch.of("tcp", session, role="main")[0]["local"]
    return local.rpartition(":")[2]


async def it_picks_one_flow(recorder: Recorder, name: str, every: float, action: str) -> None:
    """One flow is known by its port; its twin to the same server lives."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_python()
        words = (*talk(every, 14, "A1"), *talk(0.93, 9, "A2"), "--stdin")
        async with watching(
            PYTHON, "-n", "2", "--stagger", "0.13", *words, on=hosts.client.words, **POSTMORTEM
        ) as watch:
            await heard(watch, 3, "A1", "A2")
            hosts.router.wall(f"tcp sport {port_of(watch, 'A1')} {action}")
            await looked(watch, "A1", "tcp")
            await left(watch, "A2", status=1)
    recorder.keep(name, watch)


async def it_answers_by_icmp(recorder: Recorder, name: str, kind: str, port: int) -> None:
    """Every packet of an open session is answered so; the other session's are not."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_node()
        hosts.start_stomp(beat_every=700, wants=700)
        words = ("--heart-beat", "700,700", *talk(0.45, 16, "chat"), "--stdin")
        names = (f"chat={NODE}", f"beats={STOMP}")
        lost, lives = ("chat", "beats") if port == 8080 else ("beats", "chat")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 3, "chat", "beats")
            hosts.router.wall(f"tcp dport {port} reject with icmp type {kind}")
            await seen(watch, "close", lost)
            await looked(watch, lost)
            await left(watch, lives, status=1)
    recorder.keep(name, watch)


async def it_answers_by_icmp_for_a_while(recorder: Recorder) -> None:
    """Until its administrator sees what he has done: both sessions live."""
    with routed() as hosts:
        hosts.be_patient(9)
        hosts.start_node()
        hosts.start_python()
        words = ("--ping-interval", "0.83", *talk(0.58, 14, "A"), "--stdin")
        async with watching(f"A={NODE}", f"B={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 2, "A", "B")
            hosts.router.wall("meta l4proto tcp reject with icmp type admin-prohibited")
            await asyncio.sleep(2.15)
            hosts.router.no_wall()
            await seen(watch, "frame", "A", dir="in", opcode=1, count=12)
            await left(watch, "A", "B", status=0)
    recorder.keep("box-icmp-for-a-while", watch)


def age_limit(hosts: Routed, seconds: str, action: str) -> None:
    """A firewall that lets a flow live so long from its SYN on, and no longer."""
    rules = (
        "table inet age { set young { type ipv4_addr . inet_service; timeout "
        f"{seconds}; flags dynamic, timeout; }}; chain at_forward {{ type filter hook forward priority 0; "
        'iifname "lan" tcp flags & (syn | ack) == syn add @young { ip saddr . tcp sport }; '
        f'iifname "lan" meta l4proto tcp ip saddr . tcp sport != @young {action}; }}; }}'
    )
    hosts.router.run("nft", rules)


async def it_ends_old_flows(recorder: Recorder, name: str, url: str, age: str, stagger: str, action: str) -> None:
    """Busy or not, at one age; the second was opened later and ends later."""
    with routed() as hosts:
        hosts.be_patient(2)
        hosts.start_python()
        hosts.start_node()
        age_limit(hosts, age, action)
        words = ("-n", "2", "--stagger", stagger, "--ping-interval", "0.29", *talk(0.77, 4, "A1"))
        async with watching(url, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", count=2)
            await looked(watch, "A1", "tcp")
            await looked(watch, "A2")
            assert await watch.finish(60) == 1
    recorder.keep(name, watch)


async def it_forgets_and_the_server_speaks(recorder: Recorder) -> None:
    """Node's pings come too seldom for the firewall and vanish; so does what the client says much later."""
    with routed() as hosts:
        hosts.start_node(pingEvery=3300)
        hosts.start_python()
        hosts.masquerade(forgets_after=2, strict=True, quiet=True)
        words = ("--do=8.1 quiet: send is anybody there", *talk(0.71, 18, "busy"), "--stdin")
        async with watching(f"quiet={NODE}", f"busy={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "quiet")
            await looked(watch, "quiet")
            await left(watch, "busy", status=1)
    recorder.keep("box-forgets-server-speaks-first", watch)


async def it_forgets_and_resets(recorder: Recorder) -> None:
    """A reset meets the first word after a pause of five seconds; the neighbour's pauses are short."""
    with routed() as hosts:
        hosts.start_python()
        hosts.router.set(
            net__netfilter__nf_conntrack_tcp_timeout_established=3, net__netfilter__nf_conntrack_tcp_loose=0
        )
        hosts.router.wall("ct state invalid reject with tcp reset")
        words = ("--do=0.3 rare: send one", "--do=5.7 rare: send two", *talk(0.97, 12, "often"), "--stdin")
        names = (f"rare={PYTHON}", f"often={PYTHON}")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "rare")
            await looked(watch, "rare", "tcp")
            await left(watch, "often", status=1)
    recorder.keep("box-forgets-then-resets", watch)


async def it_forgets_and_does_not_mind(recorder: Recorder) -> None:
    """A liberal one takes what comes for a new flow: five quiet seconds, and all is well."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_python()
        hosts.masquerade(forgets_after=1)
        words = ("--do=5.2 send still here", "--do=5.9 send and here", "--stdin")
        async with watching(f"A={NODE}", f"B={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            for session in ("A", "B"):
                await seen(watch, "frame", session, dir="in", opcode=1, count=2)
            await left(watch, "A", "B", status=0)
    recorder.keep("box-forgets-liberal", watch)


async def the_server_keeps_it_awake(recorder: Recorder) -> None:
    """The client never says a word: the server's pings are enough for a strict firewall."""
    with routed() as hosts:
        hosts.start_python(ping_interval=1.37, ping_timeout=4.4)
        hosts.masquerade(forgets_after=2, strict=True)
        async with watching(PYTHON, "-n", "2", "--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 5, "A1", "A2")
            await left(watch, "A1", "A2", status=0)
    recorder.keep("box-kept-awake-by-the-server", watch)


async def it_gives_flows_other_ports(recorder: Recorder) -> None:
    """A router that hides its client maps all flows anew: the server knows none of them and says so."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_stomp(beat_every=900, wants=900)
        hosts.router.wall('oifname "wan" masquerade', "postrouting", "nat", name="home")
        words = ("--heart-beat", "900,900", *talk(0.41, 12, "chat"))
        names = (f"chat={NODE}", f"beats={STOMP}")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 4, "chat", "beats")
            hosts.router.no_wall("home")
            rule = 'oifname "wan" meta l4proto tcp masquerade to :41000-41900'
            hosts.router.wall(rule, "postrouting", "nat", name="home")
            hosts.forget_flows()
            await seen(watch, "close", count=2)
            await looked(watch, "chat")
            await looked(watch, "beats")
            assert await watch.finish(60) == 1
    recorder.keep("nat-maps-anew", watch)


async def it_starts_anew(recorder: Recorder, name: str, dark: float, action: str) -> None:
    """Dark for some seconds, then back without any flow; it ``action``s what it does not know."""
    with routed() as hosts:
        hosts.be_patient(5 if "reset" in action else 4)
        hosts.start_python()
        hosts.start_stomp(beat_every=1100, wants=1100)
        hosts.router.set(net__netfilter__nf_conntrack_tcp_loose=0)
        hosts.router.wall(f"ct state invalid {action}", name="strict")
        words = ("--heart-beat", "1100,1100", *talk(0.66, 8, "chat"))
        names = (f"chat={PYTHON}", f"beats={STOMP}")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 3, "chat", "beats")
            hosts.router.wall("drop", name="away")
            await asyncio.sleep(dark)
            hosts.forget_flows()
            hosts.router.no_wall("away")
            await seen(watch, "close", count=2)
            await looked(watch, "chat")
            await looked(watch, "beats")
            assert await watch.finish(60) == 1
    recorder.keep(name, watch)


async def it_swallows_one_address(recorder: Recorder) -> None:
    """Its administrator puts a blackhole in the route's place; the server's other address is still led to."""
    with routed() as hosts:
        hosts.be_patient(9)
        hosts.start_node()
        names = (f"lost={NODE}", f"other=ws://{OTHER}:8080/")
        pings = ("--ping-interval", "0.74", "--ping-timeout", "2.6", "--close-timeout", "0.9", "--stdin")
        async with watching(*names, *pings, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 2, "lost", "other")
            hosts.router.ip("route", "replace", "blackhole", f"{SERVER}/32")
            await seen(watch, "close", "lost")
            await looked(watch, "lost")
            await left(watch, "other", status=1)
    recorder.keep("box-route-swallows", watch)


async def test_flows(recorder: Recorder) -> None:
    await together(
        (
            it_answers_by_icmp(recorder, "box-icmp-host-prohibited", "host-prohibited", 8080),
            it_answers_by_icmp(recorder, "box-icmp-net-unreachable-beats", "net-unreachable", 8082),
            it_answers_by_icmp_for_a_while(recorder),
            it_swallows_one_address(recorder),
        )
    )


async def test_one_flow(recorder: Recorder) -> None:
    await it_picks_one_flow(recorder, "box-drops-one-flow", 0.37, "drop")
    await it_picks_one_flow(recorder, "box-resets-one-flow", 0.48, "reject with tcp reset")


async def test_age(recorder: Recorder) -> None:
    await together(
        (
            it_ends_old_flows(recorder, "box-age-limit-resets", PYTHON, "4300ms", "1.7", "reject with tcp reset"),
            it_ends_old_flows(recorder, "box-age-limit-drops", NODE, "3900ms", "2.1", "drop"),
        )
    )


async def test_memory(recorder: Recorder) -> None:
    await together(
        (
            it_forgets_and_the_server_speaks(recorder),
            it_forgets_and_resets(recorder),
            it_forgets_and_does_not_mind(recorder),
            the_server_keeps_it_awake(recorder),
            it_gives_flows_other_ports(recorder),
            it_starts_anew(recorder, "router-reboots-and-swallows", 2.3, "drop"),
            it_starts_anew(recorder, "router-reboots-and-resets", 2.8, "reject with tcp reset"),
        )
    )
