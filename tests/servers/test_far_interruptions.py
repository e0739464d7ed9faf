"""Ways that are dark for a moment, or for good, in one direction or both, and hosts that change behind them."""

import asyncio

import pytest

from tests.probing import seen
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, Routed, routed
from tests.servers.test_far_boxes import heard, left, looked
from tests.servers.test_nat import NODE, PYTHON, STOMP, talk
from tests.servers.test_server_hosts import power_off, power_on
from tests.servers.together import together
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def dark(hosts: Routed, seconds: float, rule: str = "drop") -> None:
    """What ``rule`` says is lost so long."""
    hosts.router.wall(rule, name="dark")
    await asyncio.sleep(seconds)
    hosts.router.no_wall("dark")


async def all_is_dark_for_a_moment(recorder: Recorder) -> None:
    """Beats every two seconds and pings: all is said again, nobody gives up."""
    with routed() as hosts:
        hosts.be_patient(9)
        hosts.start_stomp(beat_every=2000, wants=2000)
        hosts.start_python(ping_interval=1.9, ping_timeout=9.5)
        words = ("--heart-beat", "2000,2000", "--do=1.2 ws: send before", "--do=6.4 ws: send after", "--stdin")
        async with watching(f"beats={STOMP}", f"ws={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "ws", dir="in", opcode=1)
            await dark(hosts, 2.9)
            await seen(watch, "frame", "ws", dir="in", opcode=1, count=2)
            await heard(watch, 5, "beats")
            await left(watch, "beats", "ws", status=0)
    recorder.keep("dark-all-for-a-moment", watch)


async def one_direction_is_dark_for_a_moment(recorder: Recorder, name: str, seconds: float, side: str) -> None:
    """Only what is said there is lost, and said again later."""
    with routed() as hosts:
        hosts.be_patient(9)
        hosts.server.set(net__ipv4__tcp_retries2=9)
        hosts.start_node()
        hosts.start_python()
        words = ("--ping-interval", "1.23", *talk(0.52 if side == "lan" else 0.63, 12, "A"), "--stdin")
        async with watching(f"A={NODE}", f"B={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 2, "A", "B")
            await dark(hosts, seconds, f'iifname "{side}" drop')
            await seen(watch, "frame", "A", dir="in", opcode=1, count=12)
            await left(watch, "A", "B", status=0)
    recorder.keep(name, watch)


async def a_server_flaps(recorder: Recorder) -> None:
    """The cable of its host is out twice, for less than two seconds."""
    with routed() as hosts:
        hosts.be_patient(9)
        hosts.start_node()
        hosts.start_stomp(beat_every=1600, wants=1600)
        words = ("--heart-beat", "1600,1600", *talk(0.88, 9, "chat"), "--stdin")
        async with watching(f"chat={NODE}", f"beats={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 2, "chat", "beats")
            for seconds in (1.8, 1.1):
                hosts.server.ip("link", "set", "eth0", "down")
                await asyncio.sleep(seconds)
                power_on(hosts)
                await asyncio.sleep(0.95)
            await seen(watch, "frame", "chat", dir="in", opcode=1, count=9)
            await left(watch, "chat", "beats", status=0)
    recorder.keep("dark-server-flaps", watch)


async def a_route_is_away_for_a_moment(recorder: Recorder) -> None:
    """The router says that there is no way, and two seconds later there is one."""
    with routed() as hosts:
        hosts.be_patient(9)
        hosts.start_python()
        hosts.start_node()
        words = ("--ping-interval", "0.94", *talk(0.49, 14, "B"), "--stdin")
        async with watching(f"A={PYTHON}", f"B={NODE}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 2, "A", "B")
            hosts.router.ip("route", "replace", "unreachable", f"{SERVER}/32")
            await asyncio.sleep(2.55)
            hosts.router.ip("route", "delete", "unreachable", f"{SERVER}/32")
            hosts.router.ip("route", "replace", f"{SERVER}/32", "via", "10.78.2.2")
            await seen(watch, "frame", "B", dir="in", opcode=1, count=14)
            await left(watch, "A", "B", status=0)
    recorder.keep("dark-route-away-for-a-moment", watch)


async def nobody_notices(recorder: Recorder) -> None:
    """All is dark while nobody has anything to say."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_python()
        words = ("--do=0.4 send early", "--do=6.8 send late", "--stdin")
        async with watching(f"A={NODE}", f"B={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 1, "A", "B")
            await seen(watch, "tcp_info", "B", when="silent")
            await dark(hosts, 3.7)
            await heard(watch, 2, "A", "B")
            await left(watch, "A", "B", status=0)
    recorder.keep("dark-and-nobody-notices", watch)


async def our_cable_is_out(recorder: Recorder) -> None:
    """For good: no carrier any more, under pings and a chat."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_node()
        hosts.start_python()
        words = ("--ping-interval", "0.61", *talk(0.79, 6, "B"))
        async with watching(f"A={NODE}", f"B={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 3, "A", "B")
            hosts.router.ip("link", "set", "lan", "down")
            await seen(watch, "close", count=2)
            await looked(watch, "A")
            await looked(watch, "B")
            assert await watch.finish(60) == 1
    recorder.keep("dark-our-cable-for-good", watch)


async def the_routers_far_cable_is_out(recorder: Recorder) -> None:
    """For good: the router has no way out any more, and says so to who asks."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_python()
        hosts.start_stomp(beat_every=1300, wants=1300)
        words = ("--heart-beat", "1300,1300", "--ping-interval", "0.69")
        async with watching(f"A={PYTHON}", f"B={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 2, "A", "B")
            hosts.router.ip("link", "set", "wan", "down")
            await seen(watch, "close", count=2)
            await looked(watch, "A")
            await looked(watch, "B")
            assert await watch.finish(60) == 1
    recorder.keep("dark-far-cable-for-good", watch)


async def what_they_say_is_lost_for_good(recorder: Recorder) -> None:
    """Their beats and their acknowledgements of ours; the neighbour at another port lives."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_stomp(beat_every=850, wants=850)
        hosts.start_python()
        words = ("--heart-beat", "850,850", *talk(1.15, 9, "chat"), "--stdin")
        async with watching(f"beats={STOMP}", f"chat={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 3, "beats", "chat")
            hosts.router.wall('iifname "wan" tcp sport 8082 drop')
            await seen(watch, "close", "beats")
            await looked(watch, "beats")
            await left(watch, "chat", status=1)
    recorder.keep("dark-theirs-for-good", watch)


async def we_come_back(recorder: Recorder) -> None:
    """All is dark until our kernel has given up, and a moment longer."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_node()
        words = ("-n", "2", "--stagger", "0.4", *talk(0.55, 6), "--reconnect", "--stdin")
        async with watching(NODE, *words, on=hosts.client.words) as watch:
            await heard(watch, 3, "A1", "A2")
            hosts.router.wall("drop", name="dark")
            await seen(watch, "close", "A1")
            await seen(watch, "close", "A2")
            hosts.router.no_wall("dark")
            await seen(watch, "open", "A1", count=2)
            await seen(watch, "open", "A2", count=2)
            await watch.command("quit")
            await watch.finish(60)
    recorder.keep("dark-and-we-come-back", watch)


async def its_program_dies_in_the_dark(recorder: Recorder, name: str, seconds: float, *, again: bool) -> None:
    """SIGKILL while nothing passes; what its kernel says of it arrives when the way is back."""
    with routed() as hosts:
        hosts.be_patient(9)
        program = hosts.start_node()
        hosts.start_python()
        words = (*talk(0.53 if again else 0.67, 12, "A"), "--ping-interval", "1.41", "--stdin")
        async with watching(f"A={NODE}", f"B={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 3, "A", "B")
            hosts.router.wall("drop", name="dark")
            program.kill()
            program.wait()
            await asyncio.sleep(seconds)
            if again:
                hosts.start_node()
            hosts.router.no_wall("dark")
            await seen(watch, "close", "A")
            await looked(watch, "A")
            await left(watch, "B", status=1)
    recorder.keep(name, watch)


async def its_power_is_back(recorder: Recorder) -> None:
    """Its host was off for two seconds and knows nobody: neither who chats nor who was quiet."""
    with routed() as hosts:
        hosts.be_patient(9)
        program = hosts.start_python()
        words = (*talk(0.73, 9, "chat"), "--do=6.3 quiet: send hello")
        names = (f"chat={PYTHON}", f"quiet={PYTHON}")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 2, "chat")
            power_off(hosts, program)
            await asyncio.sleep(2.05)
            hosts.start_python()
            power_on(hosts)
            await seen(watch, "close", count=2)
            await looked(watch, "quiet")
            assert await watch.finish(60) == 1
    recorder.keep("host-power-back-chat-and-quiet", watch)


async def it_is_back_without_its_program(recorder: Recorder) -> None:
    """The host is there again after a second and a half, and nobody has started anything on it yet."""
    with routed() as hosts:
        hosts.be_patient(9)
        programs = (hosts.start_node(), hosts.start_stomp(beat_every=750, wants=750))
        words = ("--heart-beat", "750,750", "--ping-interval", "0.57")
        async with watching(f"ws={NODE}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await heard(watch, 4, "ws", "stomp")
            power_off(hosts, *programs)
            await asyncio.sleep(1.55)
            power_on(hosts)
            await seen(watch, "close", count=2)
            await looked(watch, "ws")
            await looked(watch, "stomp")
            assert await watch.finish(60) == 1
    recorder.keep("host-power-back-without-programs", watch)


async def test_for_a_moment(recorder: Recorder) -> None:
    await together(
        (
            all_is_dark_for_a_moment(recorder),
            one_direction_is_dark_for_a_moment(recorder, "dark-ours-for-a-moment", 3.3, "lan"),
            one_direction_is_dark_for_a_moment(recorder, "dark-theirs-for-a-moment", 2.2, "wan"),
            a_server_flaps(recorder),
            a_route_is_away_for_a_moment(recorder),
            nobody_notices(recorder),
        )
    )


async def test_for_good(recorder: Recorder) -> None:
    await together(
        (
            our_cable_is_out(recorder),
            the_routers_far_cable_is_out(recorder),
            what_they_say_is_lost_for_good(recorder),
            we_come_back(recorder),
        )
    )


async def test_hosts(recorder: Recorder) -> None:
    await together(
        (
            its_program_dies_in_the_dark(recorder, "host-killed-in-the-dark", 1.35, again=False),
            its_program_dies_in_the_dark(recorder, "host-killed-in-the-dark-and-back", 1.75, again=True),
            its_power_is_back(recorder),
            it_is_back_without_its_program(recorder),
        )
    )
