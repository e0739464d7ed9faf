"""Lines of poor quality, and doors that open late, elsewhere or never: most of the sessions live."""

import asyncio

import pytest

from tests.probing import seen
from tests.servers.afar import Afar
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, routed
from tests.servers.test_doors import NAME, name_server
from tests.servers.test_far_boxes import heard, left, looked
from tests.servers.test_nat import NODE, PYTHON, STOMP, talk
from tests.servers.together import together
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

PLAIN = "--no-compression"
DEAD = "10.79.0.77"
"""An address of the server's network that nobody has."""

WEATHER: dict[str, dict[str, object]] = {
    "line-loses-8-with-jitter": {"lose": 0.08, "delay": 0.03, "jitter": 0.18},
    "line-loses-33-of-theirs": {"lose": 0.33, "only": "down"},
    "line-loses-27-of-ours": {"lose": 0.27, "only": "up"},
    "line-far-one-way": {"delay": 0.71, "only": "down"},
    "line-doubles-and-swaps": {"double": 0.36, "swap": 0.31, "delay": 0.015},
    "line-spoils-12": {"spoil": 0.12, "delay": 0.045},
}
"""Lines that nobody dies of."""


async def it_is_poor(recorder: Recorder, name: str) -> None:
    """A chat and a session with beats: all arrives, later."""
    number = list(WEATHER).index(name)
    beat, pause = 1450 + 170 * number, 0.34 + 0.07 * number
    with routed() as hosts:
        hosts.be_patient(10)
        hosts.server.set(net__ipv4__tcp_retries2=10)
        hosts.start_stomp(beat_every=beat, wants=beat)
        if number % 2:
            hosts.start_node(pingEvery=5200 + 110 * number)
        else:
            hosts.start_python(ping_interval=1.05 + 0.11 * number, ping_timeout=12.5)
        weather = hosts.weather()
        words = ("--heart-beat", f"{beat},{beat}", *talk(pause, 10, "chat"), "--stdin")
        names = (f"chat={NODE if number % 2 else PYTHON}", f"beats={STOMP}")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "stomp", "beats", command="CONNECTED")
            await heard(watch, 1, "chat")
            weather.now(**WEATHER[name])
            await seen(watch, "frame", "chat", dir="in", opcode=1, count=10)
            await heard(watch, 5, "beats")
            weather.now()
            await left(watch, "chat", "beats", status=0)
    recorder.keep(name, watch)


async def it_is_far_from_the_start(recorder: Recorder) -> None:
    """Each answer takes more than a second, the ones of the opening too."""
    with routed() as hosts:
        hosts.be_patient(10)
        hosts.start_node()
        hosts.start_stomp(beat_every=2300, wants=2300)
        hosts.weather(delay=0.56)
        words = ("--heart-beat", "2300,2300", "--ping-interval", "1.53", *talk(1.01, 4, "ws"), "--stdin")
        async with watching(f"ws={NODE}", f"beats={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "ws", dir="in", opcode=1, count=4)
            await heard(watch, 2, "beats")
            await left(watch, "ws", "beats", status=0)
    recorder.keep("line-far-from-the-start", watch)


async def a_download_next_door(recorder: Recorder) -> None:
    """One session fills a narrow line; the beats of the other stand in its queue, and are late."""
    with routed() as hosts:
        hosts.be_patient(10)
        hosts.start_python()
        hosts.start_stomp(beat_every=1350, wants=1350)
        rate = ("rate", "170kbit", "burst", "4000", "limit", "900000")
        hosts.router.run("tc", "qdisc", "add", "dev", "lan", "root", "tbf", *rate)
        words = ("--heart-beat", "1350,1350", PLAIN, "--do=1.6 big: send flood 3 26000 60", "--stdin")
        async with watching(f"big={PYTHON}", f"beats={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "big", dir="in", opcode=1, count=3)
            await heard(watch, 6, "beats")
            await left(watch, "big", "beats", status=0)
    recorder.keep("line-narrow-download-next-door", watch)


async def it_is_too_narrow_for_our_patience(recorder: Recorder) -> None:
    """Our pongs come behind what the server sends us at 50 kbit/s; we wait a second and a half for one."""
    with routed() as hosts:
        hosts.be_patient(10)
        hosts.start_python()
        hosts.start_node()
        rate = ("rate", "50kbit", "burst", "3000", "limit", "900000")
        words = ("--ping-interval", "0.87", "--ping-timeout", "1.55", "--close-timeout", "0.7", PLAIN)
        async with watching(PYTHON, *words, "--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 3, "A")
            hosts.router.run("tc", "qdisc", "add", "dev", "lan", "root", "tbf", *rate)
            await watch.command("send flood 2 41000 60")
            await seen(watch, "close")
            await looked(watch, "A")
            await left(watch, status=1)
    recorder.keep("line-too-narrow-for-our-patience", watch)


async def it_loses_more_and_more(recorder: Recorder) -> None:
    """A third of all packets, then nine of ten, until our kernel gives up on the chat."""
    with routed() as hosts:
        hosts.be_patient(5)
        hosts.start_node()
        weather = hosts.weather(lose=0.31)
        words = ("--open-timeout", "19", *talk(0.27, 24))
        async with watching(NODE, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", dir="in", opcode=1, count=5)
            hosts.be_patient(3)
            weather.now(lose=0.9)
            await seen(watch, "close")
            weather.now()
            await looked(watch, "A")
            assert await watch.finish(60) == 1
    recorder.keep("line-loses-until-it-ends", watch)


async def large_answers_vanish(recorder: Recorder) -> None:
    """The way down takes 1240 bytes and tells nobody; we ping behind a large answer that never comes."""
    with routed() as hosts:
        hosts.be_patient(10)
        hosts.start_python()
        hosts.start_stomp(beat_every=950, wants=950)
        hosts.router.ip("link", "set", "lan", "mtu", "1240")
        hosts.router.wall("icmp type destination-unreachable drop", "output", name="mute")
        pings = ("--ping-interval", "0.91", "--ping-timeout", "2.45", "--close-timeout", "0.6", PLAIN, "--stdin")
        words = ("--heart-beat", "950,950", *talk(0.43, 3, "big"), "--do=1.9 big: send flood 1 17000 60")
        names = (f"big={PYTHON}", f"beats={STOMP}")
        async with watching(*names, *words, *pings, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "big")
            await looked(watch, "big")
            await left(watch, "beats", status=1)
    recorder.keep("line-large-answers-vanish", watch)


async def the_router_tells_the_server(recorder: Recorder) -> None:
    """The same with its ICMP let through: the server sends smaller packets, and all is well."""
    with routed() as hosts:
        hosts.be_patient(10)
        hosts.start_python()
        hosts.router.ip("link", "set", "lan", "mtu", "1310")
        words = ("-n", "2", "--stagger", "0.6", PLAIN, *talk(0.46, 3), "--do=2.1 A1: send flood 2 15500 60", "--stdin")
        async with watching(PYTHON, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 5, "A1")
            await heard(watch, 3, "A2")
            await left(watch, "A1", "A2", status=0)
    recorder.keep("line-large-answers-told", watch)


async def the_first_syn_is_lost(recorder: Recorder) -> None:
    """The second one, a second later, is not: the session opens late and is well."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_python()
        hosts.router.wall("tcp dport 8080 tcp flags & (syn | ack) == syn numgen inc mod 100000 == 0 drop")
        words = ("--ping-interval", "0.99", *talk(0.51, 5, "late"), "--stdin")
        async with watching(f"late={NODE}", f"other={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "late", dir="in", opcode=1, count=5)
            await left(watch, "late", "other", status=0)
    recorder.keep("door-first-syn-lost", watch)


async def its_answer_to_the_syn_is_lost(recorder: Recorder) -> None:
    """The server's half of the opening never arrives; the neighbour's does."""
    with routed() as hosts:
        hosts.start_stomp(beat_every=1150, wants=1150)
        hosts.start_python()
        hosts.router.wall('iifname "wan" tcp sport 8081 drop')
        words = ("--heart-beat", "1150,1150", "--open-timeout", "2.75", "--stdin")
        async with watching(f"lost={PYTHON}", f"beats={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "lost")
            await heard(watch, 4, "beats")
            await left(watch, "beats", status=3)
    recorder.keep("door-syn-ack-lost", watch)


async def it_is_told_at_the_door(recorder: Recorder, name: str, action: str) -> None:
    """The firewall's answer to the SYN for one port; the session at the other is let in."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_python()
        hosts.router.wall(f"tcp dport 8080 ct state new {action}")
        words = ("--ping-interval", "0.86" if "icmp" in action else "1.12", *talk(0.64, 4, "let-in"), "--stdin")
        names = (f"let-in={PYTHON}", f"turned-away={NODE}")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "turned-away")
            await seen(watch, "frame", "let-in", dir="in", opcode=1, count=4)
            await left(watch, "let-in", status=3)
    recorder.keep(name, watch)


async def its_name_has_a_dead_address(recorder: Recorder) -> None:
    """Nobody has the first of its two addresses; the second is the server's."""
    with routed() as hosts:
        hosts.start_node()
        await asyncio.to_thread(name_server, hosts, f"--host-record={NAME},{DEAD}", f"--host-record={NAME},{OTHER}")
        words = (*talk(0.59, 4), "--ping-interval", "1.27", "--stdin")
        async with watching(f"ws://{NAME}:8080/", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", dir="in", opcode=1, count=4)
            await left(watch, "A", status=0)
    recorder.keep("door-dead-address-first", watch)


async def the_upgrade_is_swallowed(recorder: Recorder) -> None:
    """What opens TCP passes, and what is said after it does not."""
    with routed() as hosts:
        hosts.be_patient(9)
        hosts.start_stomp()
        hosts.start_python()
        hosts.router.wall("tcp dport 8082 tcp flags & (syn | psh) == psh drop")
        words = ("--open-timeout", "3.15", "--ping-interval", "0.77", "--stdin")
        async with watching(f"mute={STOMP}", f"other={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "mute")
            await heard(watch, 3, "other")
            await left(watch, "other", status=3)
    recorder.keep("door-upgrade-swallowed", watch)


async def the_broker_on_a_bad_line(afar: Afar, recorder: Recorder) -> None:
    """RabbitMQ's beats and ours on a line that loses a seventh: nobody is dropped."""
    with routed(afar.host) as hosts:
        hosts.be_patient(10)
        words = ("--heart-beat", "2000,2000", "-n", "2", "--stagger", "0.3", "--stdin")
        async with watching(*afar.words("rabbitmq"), *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "stomp", "A2", command="CONNECTED")
            hosts.router.wall("numgen random mod 100 < 14 drop")
            for session in ("A1", "A2"):
                await seen(watch, "stomp", session, command="beat", dir="in", count=4)
            hosts.router.no_wall()
            await left(watch, "A1", "A2", status=0)
    recorder.keep("broker-on-a-bad-line", watch)


async def the_broker_behind_a_forgetful_box(afar: Afar, recorder: Recorder) -> None:
    """No beats agreed: the firewall forgets the quiet one after two seconds and swallows what it says then."""
    with routed(afar.host) as hosts:
        hosts.be_patient(3)
        hosts.router.set(
            net__netfilter__nf_conntrack_tcp_timeout_established=2, net__netfilter__nf_conntrack_tcp_loose=0
        )
        hosts.router.wall("ct state invalid drop", name="strict")
        url, *login = afar.words("rabbitmq")
        sends = [f"--do={1.19 * n:.2f} busy: stomp-send /queue/far {n}" for n in range(1, 15)]
        words = (*login, "--heart-beat", "0,0", "--do=5.6 quiet: stomp-send /queue/far hello", *sends, "--stdin")
        async with watching(f"quiet={url}", f"busy={url}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "quiet")
            await looked(watch, "quiet", "tcp")
            await left(watch, "busy", status=1)
    recorder.keep("broker-behind-a-forgetful-box", watch)


async def the_broker_hears_nothing_of_us(afar: Afar, recorder: Recorder) -> None:
    """Only what we say is lost: it drops us for our beats, or our kernel gives up, whichever is first."""
    with routed(afar.host) as hosts:
        hosts.be_patient(4)
        (lost, *login), (lives, *_) = afar.words("rabbitmq"), afar.words("rabbitmq-tcp")
        words = (*login, "--heart-beat", "1800,1800", "--stdin")
        async with watching(f"lost={lost}", f"lives={lives}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "stomp", "lost", command="beat", dir="in")
            await seen(watch, "stomp", "lives", command="beat", dir="in")
            hosts.router.wall(f'iifname "lan" tcp dport {afar.port("rabbitmq")} drop')
            await seen(watch, "close", "lost")
            await looked(watch, "lost")
            await left(watch, "lives", status=1)
    recorder.keep("broker-hears-nothing-of-us", watch)


async def test_poor_ones(recorder: Recorder) -> None:
    await together(it_is_poor(recorder, name) for name in WEATHER)


async def test_far_and_narrow_ones(recorder: Recorder) -> None:
    await together(
        (
            it_is_far_from_the_start(recorder),
            a_download_next_door(recorder),
            it_is_too_narrow_for_our_patience(recorder),
            it_loses_more_and_more(recorder),
            large_answers_vanish(recorder),
            the_router_tells_the_server(recorder),
        )
    )


async def test_doors(recorder: Recorder) -> None:
    await together(
        (
            the_first_syn_is_lost(recorder),
            its_answer_to_the_syn_is_lost(recorder),
            it_is_told_at_the_door(recorder, "door-icmp-host-unreachable", "reject with icmp type host-unreachable"),
            it_is_told_at_the_door(recorder, "door-reset-by-a-box", "reject with tcp reset"),
            its_name_has_a_dead_address(recorder),
            the_upgrade_is_swallowed(recorder),
        )
    )


async def test_brokers(afar: Afar, recorder: Recorder) -> None:
    await together(
        (
            the_broker_on_a_bad_line(afar, recorder),
            the_broker_behind_a_forgetful_box(afar, recorder),
            the_broker_hears_nothing_of_us(afar, recorder),
        )
    )
