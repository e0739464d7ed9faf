"""Boxes on the way that know connections: routers that hide their client, firewalls that reset or allow so much.

Linux' own conntrack does it all but for ``weatherd.py``'s resets of both ends, which are what cloud load balancers
and some firewalls do to an idle flow.
"""

import pytest

from tests.probing import seen
from tests.servers.recordings import Recorder
from tests.servers.routed import FAR, OTHER, SERVER, routed
from tests.servers.takes import Take
from tests.servers.together import together
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

NODE, PYTHON, STOMP = f"ws://{SERVER}:8080/", f"ws://{SERVER}:8081/", f"stomp+ws://{SERVER}:8082/"
BEATS = ("--heart-beat", "500,500")


def talk(every: float, count: int, session: str = "", text: str = "tick") -> list[str]:
    """The options that have a session say something so often."""
    to = f"{session}: " if session else ""
    return [f"--do={every * n:.1f} {to}send {text} {n}" for n in range(1, count + 1)]


async def leave(watch: Watch) -> int:
    """Leaves; the exit status."""
    await watch.command("quit")
    return await watch.finish(40)


async def the_server_speaks_on_a_forgotten_flow(take: Take, recorder: Recorder) -> None:
    """The router takes the server's ping for its own and resets the server; the client hears of it when it speaks."""
    with routed() as hosts:
        hosts.start_python(ping_interval=take.between(2.2, 3), ping_timeout=None)
        hosts.masquerade(forgets_after=1)
        moment = take.between(4, 5.5)
        words = (f"--do={moment} idle: send hello", *talk(0.5, 20, "busy"), "--stdin")
        async with watching(f"idle={PYTHON}", f"busy={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "idle")
            await seen(watch, "postmortem", "idle")
            assert not watch.of("close", "busy")
            assert await leave(watch) == 1
    close = watch.the("close", "idle")
    assert (close["transport"]["how"], close["initiator"], close["code"]) == ("reset", "remote", 1006)
    recorder.keep(take.of("nat-server-speaks-first"), watch)


async def beats_keep_it_open(take: Take, recorder: Recorder) -> None:
    """A session that beats and one that pings outlive the router's memory."""
    with routed() as hosts:
        hosts.start_stomp(beat_every=1000, wants=1000)
        hosts.start_node()
        hosts.masquerade(forgets_after=take.one_of(2, 3), strict=True)
        words = ("--heart-beat", "1000,1000", "--ping-interval", str(take.between(0.8, 1.2)), "--stdin")
        async with watching(f"beats={STOMP}", f"pings={NODE}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "pings", opcode=10, dir="in", count=6)
            await seen(watch, "stomp", "beats", command="beat", dir="in", count=6)
            assert await leave(watch) == 0
    recorder.keep(take.of("nat-kept-awake"), watch)


async def beats_are_too_rare(take: Take, recorder: Recorder) -> None:
    """The first beat after the router has forgotten is swallowed; the server's never arrive."""
    with routed() as hosts:
        beat = take.one_of(3000, 3500, 4000)
        hosts.start_stomp(beat_every=beat, wants=beat)
        hosts.masquerade(forgets_after=take.one_of(1, 2), strict=True)
        words = ("--heart-beat", f"{beat},{beat}", "-n", "2", "--stagger", "0.6", "--stdin")
        async with watching(STOMP, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", count=2)
            await watch.finish(40)
    for close in watch.of("close"):
        assert (close["transport"]["how"], close["initiator"]) == ("timeout", "none")
    recorder.keep(take.of("nat-beats-too-rare"), watch)


async def only_the_server_beats(take: Take, recorder: Recorder) -> None:
    """Its beats reach a router that has forgotten; nothing of ours is under way that anybody could miss."""
    with routed() as hosts:
        beat = take.one_of(2500, 3000)
        hosts.start_stomp(beat_every=beat, wants=60000)
        hosts.masquerade(forgets_after=take.one_of(1, 2), strict=True)
        words = ("--heart-beat", f"60000,{beat}", "--close-timeout", "1", "--stdin")
        async with watching(STOMP, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "heartbeat", layer="stomp-in", state="missed")
            await seen(watch, "tcp_info", when="silent", count=2)
            assert await leave(watch) == 0
    assert watch.the("close")["received"] is None
    recorder.keep(take.of("nat-only-the-server-beats"), watch)


async def its_outer_address_moves(take: Take, recorder: Recorder, *, strict: bool) -> None:
    """The provider gives the router another address: what the client says comes from a stranger."""
    with routed() as hosts:
        hosts.start_stomp()
        hosts.start_node()
        hosts.masquerade(strict=strict)
        words = (*BEATS, *talk(take.one_of(0.3, 0.4), 20, "ws"), "--stdin")
        async with watching(f"ws={NODE}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "ws", dir="in", opcode=1, count=take.one_of(2, 3, 4))
            await seen(watch, "stomp", "stomp", command="beat", dir="in", count=2)
            hosts.router.ip("address", "delete", "10.78.2.1/24", "dev", "wan")
            hosts.router.ip("address", "add", "10.78.2.9/24", "dev", "wan")
            for address in (SERVER, OTHER):
                hosts.router.ip("route", "replace", f"{address}/32", "via", FAR)
            hosts.forget_flows()
            await seen(watch, "close", count=2)
            assert await watch.finish(40) == 1
    for close in watch.of("close"):
        how = ("timeout", "none") if strict else ("reset", "remote")
        assert (close["transport"]["how"], close["initiator"]) == how
    recorder.keep(take.of(f"nat-address-moves{'-strict' if strict else ''}"), watch)


async def the_router_restarts(take: Take, recorder: Recorder) -> None:
    """Its cable is dark for a while and it has forgotten all flows; it takes what comes for new, on the same ports."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_stomp()
        hosts.start_python()
        hosts.masquerade(quiet=True)
        words = (*BEATS, "--ping-interval", str(take.between(0.5, 0.9)), "--stdin")
        async with watching(f"ws={PYTHON}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "ws", opcode=10, dir="in", count=2)
            await seen(watch, "stomp", "stomp", command="beat", dir="in", count=2)
            hosts.router.wall("drop", name="away")
            await seen(watch, "heartbeat", "stomp", layer="stomp-in", state="missed")
            hosts.forget_flows()
            hosts.router.no_wall("away")
            await seen(watch, "heartbeat", "stomp", layer="stomp-in", state="recovered")
            pongs = len(watch.of("frame", "ws", opcode=10, dir="in"))
            await seen(watch, "frame", "ws", opcode=10, dir="in", count=pongs + 3)
            assert await leave(watch) == 0
    assert not watch.of("close", asked=False)
    recorder.keep(take.of("nat-router-restarts"), watch)


async def it_resets_the_idle(take: Take, recorder: Recorder, *, count: int) -> None:
    """Both ends of a flow get a RST when nobody has said anything for so long."""
    with routed() as hosts:
        hosts.start_stomp()
        hosts.start_node()
        hosts.weather(idle=take.between(1.6, 3))
        idle = ("-n", "2", "--stagger", str(take.between(0.4, 0.9))) if count == 2 else (f"beats={STOMP}",)
        async with watching(
            f"idle={NODE}", *idle, *BEATS, f"--do={take.between(0.2, 0.8)} idle{'1' * (count == 2)}: send hello",
            "--stdin", on=hosts.client.words, **POSTMORTEM,
        ) as watch:  # fmt: skip
            await seen(watch, "close", count=count)
            await seen(watch, "postmortem", count=count)
            assert await leave(watch) == 1
    for close in watch.of("close")[:count]:
        assert (close["transport"]["how"], close["initiator"]) == ("reset", "remote")
        assert close["idle_rx"] > 1.4
    recorder.keep(take.of(f"firewall-resets-idle{'-two' if count == 2 else ''}"), watch)


async def it_resets_on_a_word(take: Take, recorder: Recorder) -> None:
    """What the client says is masked; the echo is not, and holds what the firewall looks for."""
    with routed() as hosts:
        hosts.start_python()
        hosts.weather(word="contraband")
        words = (*talk(0.4, take.one_of(2, 3, 5), "says"), *talk(0.5, 12, "other"))
        stay = ("--no-compression", "--stdin")
        async with watching(
            f"says={PYTHON}", f"other={PYTHON}", *words, *stay, on=hosts.client.words, **POSTMORTEM
        ) as watch:
            await seen(watch, "frame", "says", dir="in", opcode=1, count=2)
            await watch.command("says: send here comes contraband")
            await seen(watch, "close", "says")
            await seen(watch, "postmortem", "says")
            assert not watch.of("close", "other")
            assert await leave(watch) == 1
    assert watch.the("close", "says")["transport"]["how"] == "reset"
    recorder.keep(take.of("firewall-resets-on-a-word"), watch)


async def it_allows_so_many_bytes(take: Take, recorder: Recorder) -> None:
    """A flow that has carried more than its share is answered with a RST, whoever speaks."""
    with routed() as hosts:
        hosts.start_node()
        hosts.router.set(net__netfilter__nf_conntrack_acct=1)
        hosts.router.wall(f"ct bytes > {take.one_of(12000, 20000, 25000)} reject with tcp reset")
        words = [f"--do={0.3 * n:.1f} A1: send-repeat x {take.one_of(900, 1200)}" for n in range(1, 30)]
        async with watching(
            NODE, "-n", "2", "--no-compression", *words, "--stdin", on=hosts.client.words, **POSTMORTEM
        ) as watch:
            await seen(watch, "close", "A1")
            await seen(watch, "postmortem", "A1")
            assert not watch.of("close", "A2")
            assert await leave(watch) == 1
    close = watch.the("close", "A1")
    assert (close["transport"]["how"], close["initiator"]) == ("reset", "remote")
    recorder.keep(take.of("firewall-quota"), watch)


async def it_allows_one_connection(take: Take, recorder: Recorder, *, reset: bool) -> None:
    """The second one's SYN is refused or swallowed; the first lives, and so does one to elsewhere."""
    with routed() as hosts:
        hosts.start_python()
        hosts.start_stomp()
        verdict = "reject with tcp reset" if reset else "drop"
        hosts.router.wall(f"tcp dport 8081 ct state new ct count over 1 {verdict}")
        async with watching(
            f"first={PYTHON}", f"elsewhere={STOMP}", f"second={PYTHON}", "--stagger", "0.5", *BEATS, "--stdin",
            "--open-timeout", str(take.between(2, 3)), on=hosts.client.words, **POSTMORTEM,
        ) as watch:  # fmt: skip
            await seen(watch, "open", "first")
            await seen(watch, "close", "second")
            assert not watch.of("close", "first") and not watch.of("close", "elsewhere")
            assert await leave(watch) == 3
    end = watch.the("end", "second")
    assert (end["how"], end["phase"]) == ("refused" if reset else "timeout", "tcp")
    recorder.keep(take.of(f"firewall-one-connection{'' if reset else '-swallowed'}"), watch)


async def test_a_router_that_hides_its_client(take: Take, recorder: Recorder) -> None:
    await together(
        (
            the_server_speaks_on_a_forgotten_flow(take, recorder),
            beats_keep_it_open(take, recorder),
            beats_are_too_rare(take, recorder),
            only_the_server_beats(take, recorder),
            its_outer_address_moves(take, recorder, strict=False),
            its_outer_address_moves(take, recorder, strict=True),
            the_router_restarts(take, recorder),
        )
    )


async def test_a_firewall(take: Take, recorder: Recorder) -> None:
    await together(
        (
            it_resets_the_idle(take, recorder, count=1),
            it_resets_the_idle(take, recorder, count=2),
            it_resets_on_a_word(take, recorder),
            it_allows_so_many_bytes(take, recorder),
            it_allows_one_connection(take, recorder, reset=True),
            it_allows_one_connection(take, recorder, reset=False),
        )
    )
