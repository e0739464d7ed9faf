"""Ways with weather: late, jittery, out of order, doubled, spoilt, lossy or narrow, and who lives through it."""

import pytest

from tests.probing import seen
from tests.servers.recordings import Recorder
from tests.servers.routed import routed
from tests.servers.takes import Take
from tests.servers.test_nat import BEATS, NODE, PYTHON, STOMP, leave, talk
from tests.servers.test_ways import answered, assert_gave_up
from tests.servers.together import together
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

PLAIN = "--no-compression"


async def far_away(take: Take, recorder: Recorder) -> None:
    """A satellite: every packet takes long, some longer; beats and pongs are late by no more than that."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_stomp(beat_every=1000, wants=1000)
        hosts.start_python()
        hosts.weather(delay=take.between(0.3, 0.5), jitter=0.1)
        words = ("--heart-beat", "1000,1000", *talk(0.8, 8, "ws"), "--ping-interval", "1.5", "--stdin")
        async with watching(f"ws={PYTHON}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "ws", opcode=1, dir="in", count=8)
            await seen(watch, "stomp", "stomp", command="beat", dir="in", count=6)
            assert await leave(watch) == 0
    recorder.keep(take.of("weather-far-away"), watch)


async def jittery(take: Take, recorder: Recorder) -> None:
    """Some beats come a second late, and none is missed."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_stomp(beat_every=1000, wants=1000)
        hosts.start_node()
        hosts.weather(delay=0.05, jitter=take.between(0.5, 0.8))
        words = ("--heart-beat", "1000,1000", *talk(0.9, 8, "ws"), "--stdin")
        async with watching(f"ws={NODE}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "ws", opcode=1, dir="in", count=8)
            await seen(watch, "stomp", "stomp", command="beat", dir="in", count=8)
            assert await leave(watch) == 0
    recorder.keep(take.of("weather-jitter"), watch)


async def out_of_order(take: Take, recorder: Recorder) -> None:
    """Packets overtake each other, some arrive twice: TCP sorts them."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_node()
        hosts.start_stomp()
        hosts.weather(swap=take.one_of(0.2, 0.3), double=take.one_of(0.1, 0.2), delay=0.01)
        words = [f"--do={0.5 * n:.1f} ws: send-repeat x {take.one_of(4000, 8000)}" for n in range(1, 9)]
        async with watching(
            f"ws={NODE}", f"stomp={STOMP}", PLAIN, *words, *BEATS, "--stdin", on=hosts.client.words, **POSTMORTEM
        ) as watch:
            await seen(watch, "frame", "ws", opcode=1, dir="in", count=8)
            await seen(watch, "stomp", "stomp", command="beat", dir="in", count=8)
            assert await leave(watch) == 0
    recorder.keep(take.of("weather-out-of-order"), watch)


async def spoilt_and_alive(take: Take, recorder: Recorder) -> None:
    """Packets with a wrong checksum are as if they had been lost: said again, and all comes."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_python()
        weather = hosts.weather()
        words = (*talk(0.25, 32), "--ping-interval", "1", "--stdin")
        async with watching(PYTHON, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", opcode=1, dir="in", count=2)
            weather.now(spoil=take.one_of(0.25, 0.3))
            await seen(watch, "frame", opcode=1, dir="in", count=32)
            weather.now()
            assert await leave(watch) == 0
    assert watch.of("tcp_info")[-1]["total_retrans"] >= 1
    recorder.keep(take.of("weather-spoilt"), watch)


async def lossy_beats(take: Take, recorder: Recorder, *, share: float) -> None:
    """Beats and their acknowledgements are lost now and then, in both directions; both sessions live."""
    with routed() as hosts:
        hosts.be_patient(10)
        hosts.start_stomp()
        weather = hosts.weather()
        words = (*BEATS, "-n", "2", "--stdin")
        async with watching(STOMP, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A1", "A2")
            weather.now(lose=share)
            beats = [len(watch.of("stomp", name, command="beat", dir="in")) for name in ("A1", "A2")]
            for name, count in zip(("A1", "A2"), beats, strict=True):
                await seen(watch, "stomp", name, command="beat", dir="in", count=count + 8)
            weather.now()
            assert await leave(watch) == 0
    recorder.keep(take.of(f"weather-loss-{share * 100:.0f}-beats"), watch)


async def half_is_lost(take: Take, recorder: Recorder) -> None:
    """Half of what we say, or more, until the kernel has had enough; the server's beats come all the while."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_node()
        hosts.start_stomp()
        weather = hosts.weather()
        words = (*talk(0.3, 60, "ws"), *BEATS, "--stdin")
        async with watching(f"ws={NODE}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "ws")
            weather.now(lose=0.5)
            await seen(watch, "frame", "ws", opcode=1, dir="in", count=take.one_of(5, 6))
            weather.now(lose=0.92)
            await seen(watch, "close", "ws")
            assert await watch.finish(60) == 1
    assert_gave_up(watch, "ws")
    recorder.keep(take.of("weather-loss-grows"), watch)


async def all_is_lost_for_a_moment(take: Take, recorder: Recorder) -> None:
    """A tunnel on the train's way: nothing for two seconds, then all of it."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_python()
        hosts.start_stomp(beat_every=1000, wants=1000)
        weather = hosts.weather()
        words = ("--heart-beat", "1000,1000", *talk(0.7, 14, "ws"), "--stdin")
        async with watching(f"ws={PYTHON}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "ws", "stomp")
            weather.now(lose=1)
            await seen(watch, "heartbeat", "stomp", layer="stomp-in", state="missed")
            weather.now()
            await seen(watch, "heartbeat", "stomp", layer="stomp-in", state="recovered")
            count = len(watch.of("frame", "ws", opcode=1, dir="in"))
            await seen(watch, "frame", "ws", opcode=1, dir="in", count=count + 3)
            assert await leave(watch) == 0
    recorder.keep(take.of("weather-tunnel"), watch)


async def late_for_the_server(take: Take, recorder: Recorder) -> None:
    """The way gets slower than the server waits for a pong; another server does not ask, and that session lives."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_python(ping_interval=0.6, ping_timeout=take.between(0.8, 1.2))
        hosts.start_node()
        weather = hosts.weather()
        words = (*talk(0.9, 8, "other"), "--stdin", "--close-timeout", "6")
        async with watching(f"asked={PYTHON}", f"other={NODE}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "asked", opcode=10, dir="out", count=take.one_of(2, 3))
            weather.now(delay=1.0)
            await seen(watch, "close", "asked")
            await seen(watch, "frame", "other", opcode=1, dir="in", count=5)
            weather.now()
            assert await leave(watch) == 1
    assert watch.the("close", "asked")["initiator"] == "remote"
    recorder.keep(take.of("weather-too-late-for-the-server"), watch)


async def late_for_us(take: Take, recorder: Recorder) -> None:
    """The way gets slower than we wait for a pong; our pings are answered after we have given up."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_node()
        weather = hosts.weather()
        pings = ("--ping-interval", "0.7", "--ping-timeout", str(take.between(0.9, 1.3)), "--close-timeout", "6")
        async with watching(NODE, "-n", "2", *pings, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A1", "A2")
            weather.now(delay=take.one_of(0.9, 1.1))
            await seen(watch, "close", count=2)
            assert await watch.finish(60) == 1
    for close in watch.of("close"):
        assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    recorder.keep(take.of("weather-too-late-for-us"), watch)


async def a_narrow_way_down(take: Take, recorder: Recorder) -> None:
    """What the server sends us queues at the router; the pong behind it comes too late for us."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_python()
        rate = ("rate", f"{take.one_of(64, 96)}kbit", "burst", "3000", "limit", "2000000")
        hosts.router.run("tc", "qdisc", "add", "dev", "lan", "root", "tbf", *rate)
        pings = ("--ping-interval", "0.6", "--ping-timeout", str(take.between(1.2, 2)), "--close-timeout", "1")
        flood = f"--do=2 send flood 1 {take.one_of(60000, 90000)} 60"
        async with watching(PYTHON, PLAIN, *pings, flood, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close")
            assert await watch.finish(60) == 1
    close = watch.the("close")
    assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    recorder.keep(take.of("weather-narrow-down"), watch)


async def a_narrow_way_and_patience(take: Take, recorder: Recorder) -> None:
    """The same narrow way: a session that speaks little lives next to one that downloads; nobody waits for pongs."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_node()
        rate = ("rate", f"{take.one_of(128, 192)}kbit", "burst", "3000", "limit", "2000000")
        hosts.router.run("tc", "qdisc", "add", "dev", "lan", "root", "tbf", *rate)
        words = (PLAIN, f"--do=1 big: send flood 4 {take.one_of(9000, 14000)}", *talk(0.8, 8, "small"), "--stdin")
        async with watching(f"big={NODE}", f"small={NODE}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "big", opcode=1, dir="in", count=4)
            await seen(watch, "frame", "small", opcode=1, dir="in", count=8)
            assert await leave(watch) == 0
    recorder.keep(take.of("weather-narrow-and-patient"), watch)


async def large_ones_vanish(take: Take, recorder: Recorder, *, tells: bool) -> None:
    """The router's way out takes smaller packets than the client's cable: it says so, and all is well, or it does not.

    The server's beats come in all the while.
    """
    with routed() as hosts:
        hosts.be_patient(4)
        hosts.start_stomp()
        hosts.start_node()
        hosts.router.ip("link", "set", "wan", "mtu", str(take.one_of(1200, 1280, 1400)))
        if not tells:
            hosts.router.wall("icmp type destination-unreachable drop", "output")
        words = (*BEATS, PLAIN, *talk(0.4, 3, "big"), f"--do=1.6 big: send-repeat x {take.one_of(5000, 20000)}")
        async with watching(
            f"big={NODE}", f"beats={STOMP}", *words, "--stdin", on=hosts.client.words, **POSTMORTEM
        ) as watch:
            if tells:
                await seen(watch, "frame", "big", opcode=1, dir="in", count=4)
                await seen(watch, "stomp", "beats", command="beat", dir="in", count=6)
            else:
                await seen(watch, "close", "big")
                await seen(watch, "postmortem", "big")
                assert not watch.of("close", "beats")
            assert await leave(watch) == (0 if tells else 1)
    if not tells:
        assert_gave_up(watch, "big")
    recorder.keep(take.of(f"weather-mtu-{'told' if tells else 'untold'}"), watch)


async def test_sessions_that_live(take: Take, recorder: Recorder) -> None:
    await together(
        (
            far_away(take, recorder),
            jittery(take, recorder),
            out_of_order(take, recorder),
            spoilt_and_alive(take, recorder),
            lossy_beats(take, recorder, share=0.05),
            lossy_beats(take, recorder, share=0.2),
            all_is_lost_for_a_moment(take, recorder),
            a_narrow_way_and_patience(take, recorder),
            large_ones_vanish(take, recorder, tells=True),
        )
    )


async def test_sessions_that_do_not(take: Take, recorder: Recorder) -> None:
    await together(
        (
            half_is_lost(take, recorder),
            late_for_the_server(take, recorder),
            late_for_us(take, recorder),
            a_narrow_way_down(take, recorder),
            large_ones_vanish(take, recorder, tells=False),
        )
    )
