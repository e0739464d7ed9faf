"""Paths that go dark at other moments than in the middle of silence, and those that are dark from the start.

Each run has hosts of its own (``network``), so that several may wait for their kernels at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.probing import seen
from tests.servers import node, python
from tests.servers.network import SERVER, Network, network
from tests.servers.recordings import Recorder
from tests.servers.takes import Take, extra
from tests.servers.together import together
from tests.watching import Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

WS, STOMP = f"ws://{SERVER}:8080/", f"stomp+ws://{SERVER}:8081/"


@contextmanager
def lab(name: str, *, beat_every: int = 500, wants: int = 500) -> Iterator[Network]:
    """A network whose server host echoes at ``WS`` and beats at ``STOMP``."""
    with (
        network(name) as hosts,
        hosts.serving(python.command(SERVER, 8080, ping_interval=None)),
        hosts.serving(node.command("stomp.mjs", SERVER, 8081, beatEvery=beat_every, beats=10000, wants=wants)),
    ):
        hosts.be_patient(2)
        yield hosts


def assert_nobody_answered(watch: Watch, *sessions: str) -> None:
    """Each of them ended in our kernel, which had said it all again to no answer."""
    for session in sessions:
        close = watch.the("close", session)
        assert (close["transport"]["how"], close["transport"]["errno"]) == ("timeout", "ETIMEDOUT")
        assert (close["code"], close["initiator"]) == (1006, "none")


async def two_sessions_that_ping(take: Take, recorder: Recorder) -> None:
    count = take.one_of(1, 2, 3)
    with lab("a") as hosts:
        pings = ("--ping-interval", str(take.between(0.3, 0.8)))
        async with watching(WS, "-n", "2", *pings, on=hosts.client) as watch:
            for session in ("A1", "A2"):
                await seen(watch, "frame", session, opcode=10, dir="in", count=count)
            hosts.blackhole()
            assert await watch.finish() == 1
    assert_nobody_answered(watch, "A1", "A2")
    recorder.keep(take.of("network-blackhole-two-that-ping"), watch)


async def two_sessions_that_beat(take: Take, recorder: Recorder) -> None:
    count = take.one_of(1, 2, 3)
    with lab("b") as hosts:
        beats = ("--heart-beat", take.one_of("500,500", "700,500", "1000,500"))
        async with watching(STOMP, "-n", "2", *beats, on=hosts.client) as watch:
            for session in ("A1", "A2"):
                await seen(watch, "stomp", session, command="beat", dir="in", count=count)
            hosts.blackhole()
            assert await watch.finish() == 1
    assert_nobody_answered(watch, "A1", "A2")
    recorder.keep(take.of("network-blackhole-two-that-beat"), watch)


async def in_the_middle_of_a_conversation(take: Take, recorder: Recorder) -> None:
    """A firewall swallows what is said to one port; a session to another lives."""
    count = take.one_of(2, 3, 4, 5)
    with lab("c") as hosts:
        words = (f"--do={0.25 * n:.2f} talks: send {n}" for n in range(1, 30))
        stay = ("--heart-beat", "500,500", "--stdin")
        async with watching(f"talks={WS}", f"elsewhere={STOMP}", *words, *stay, on=hosts.client) as watch:
            await seen(watch, "frame", "talks", opcode=1, dir="in", count=count)
            hosts.drop(8080)
            await seen(watch, "close", "talks")
            assert not watch.of("close", "elsewhere")
            await watch.command("quit")
            assert await watch.finish() == 1
    assert_nobody_answered(watch, "talks")
    recorder.keep(take.of("network-blackhole-one-port"), watch)


async def in_the_middle_of_opening(take: Take, recorder: Recorder) -> None:
    with lab("d") as hosts:
        port = take.one_of(8080, 8081)
        hosts.drop_data(port)
        async with watching(WS if port == 8080 else STOMP, on=hosts.client) as watch:
            assert await watch.finish() == 3
    end = watch.the("end")
    assert (end["how"], end["phase"], end["errno"]) == ("timeout", "http", "ETIMEDOUT")
    recorder.keep(take.of("network-blackhole-opening"), watch)


async def our_ping_timeout_is_faster_than_the_kernel(take: Take, recorder: Recorder) -> None:
    count = take.one_of(1, 2, 3)
    with lab("e") as hosts:
        hosts.be_patient(15)
        pings = ("--ping-interval", "0.5", "--ping-timeout", str(take.between(1, 2)), "--close-timeout", "0.5")
        async with watching(WS, *pings, on=hosts.client) as watch:
            await seen(watch, "frame", opcode=10, dir="in", count=count)
            hosts.blackhole()
            assert await watch.finish() == 1
    close = watch.the("close")
    assert (close["initiator"], close["sent"]["code"], close["received"]) == ("local", 1011, None)
    assert watch.of("tcp_info")[-1]["unacked"] >= 1
    recorder.keep(take.of("network-blackhole-ping-timeout"), watch)


async def beats_too_rare_for_the_firewall(take: Take, recorder: Recorder) -> None:
    with lab("f", beat_every=60000) as hosts:
        hosts.forget_idle_flows(1)
        async with watching(STOMP, "--heart-beat", f"{take.one_of(2200, 2600, 3000)},0", on=hosts.client) as watch:
            assert await watch.finish() == 1
    assert_nobody_answered(watch, "A")
    recorder.keep(take.of("network-flow-forgotten-between-beats"), watch)


async def pings_too_rare_for_a_firewall_that_resets(take: Take, recorder: Recorder) -> None:
    with lab("g") as hosts:
        hosts.forget_idle_flows(1, reset=True)
        pings = ("--ping-interval", str(take.between(2.2, 3)))
        async with watching(WS, "-n", "2", *pings, on=hosts.client) as watch:
            assert await watch.finish() == 1
    for close in watch.of("close"):
        assert (close["transport"]["how"], close["initiator"]) == ("reset", "remote")
    recorder.keep(take.of("network-flow-forgotten-between-pings-reset"), watch)


async def only_the_idle_one_is_forgotten(take: Take, recorder: Recorder) -> None:
    with lab("h") as hosts:
        hosts.forget_idle_flows(1)
        moment = take.between(2.3, 3.5)
        words = (f"--do={0.5 * n} busy: send {n}" for n in range(1, 20))
        async with watching(
            f"idle={WS}", f"busy={WS}", "--do", f"{moment} idle: send hello", *words, "--stdin", on=hosts.client
        ) as watch:
            await seen(watch, "close", "idle")
            assert not watch.of("close", "busy")
            await watch.command("quit")
            assert await watch.finish() == 1
    assert_nobody_answered(watch, "idle")
    recorder.keep(take.of("network-flow-forgotten-idle-one"), watch)


async def our_address_is_taken_away(take: Take, recorder: Recorder) -> None:
    count = take.one_of(1, 2, 3)
    with lab("i") as hosts:
        pings = ("--ping-interval", str(take.between(0.3, 0.8)))
        async with watching(f"ws={WS}", f"stomp={STOMP}", *pings, on=hosts.client) as watch:
            for session in ("ws", "stomp"):
                await seen(watch, "frame", session, opcode=10, dir="in", count=count)
            hosts.lose_address()
            assert await watch.finish() == 1
    for session in ("ws", "stomp"):
        assert watch.the("close", session)["initiator"] == "none"
        assert watch.of("route", session)[-1].get("error") == "ENETUNREACH"
    recorder.keep(take.of("network-address-lost"), watch)


async def our_interface_goes_down_under_beats(take: Take, recorder: Recorder) -> None:
    count = take.one_of(1, 2, 3)
    with lab("j") as hosts:
        beats = ("--heart-beat", take.one_of("500,500", "700,500"))
        async with watching(STOMP, *beats, on=hosts.client) as watch:
            await seen(watch, "stomp", command="beat", dir="in", count=count)
            hosts.unplug()
            assert await watch.finish() == 1
    assert watch.the("close")["initiator"] == "none"
    assert watch.of("route")[-1].get("error") == "ENETUNREACH"
    recorder.keep(take.of("network-interface-down-under-beats"), watch)


async def a_kernel_resets_all_connections(take: Take, recorder: Recorder) -> None:
    """A RST out of nowhere, nothing due: no byte of ours provoked it."""
    count = take.one_of(1, 2, 3)
    with lab("k") as hosts:
        async with watching(STOMP, "-n", "2", "--heart-beat", "500,500", on=hosts.client) as watch:
            for session in ("A1", "A2"):
                await seen(watch, "stomp", session, command="beat", dir="in", count=count)
            hosts.reset_connections(8081)
            assert await watch.finish() == 1
    for close in watch.of("close"):
        assert (close["code"], close["transport"]["how"], close["initiator"]) == (1006, "reset", "remote")
    recorder.keep(take.of("network-connections-reset"), watch)


OPENINGS = {
    "icmp-host-unreachable": ("host-unreachable", "unreachable", "EHOSTUNREACH"),
    "icmp-net-unreachable": ("net-unreachable", "unreachable", "ENETUNREACH"),
    "icmp-admin-prohibited": ("admin-prohibited", "unreachable", "EHOSTUNREACH"),
    "icmp-port-unreachable": ("port-unreachable", "refused", "ECONNREFUSED"),
}
"""What a router answers the SYN with; how that ends a connect."""


async def answers_to_the_syn(take: Take, recorder: Recorder) -> None:
    async def opens(hosts: Network, name: str, port: int, how: str, errno: str) -> None:
        async with watching(f"ws://{SERVER}:{port}/", on=hosts.client) as watch:
            assert await watch.finish() == 3
        end = watch.the("end")
        assert (end["how"], end["phase"], end["errno"]) == (how, "tcp", errno)
        recorder.keep(take.of(f"network-{name}"), watch)

    with network("l") as hosts:
        for port, (icmp, _, _) in enumerate(OPENINGS.values(), 9001):
            hosts.refuse(port, icmp)
        runs = [opens(hosts, name, port, *ends) for port, (name, (_, *ends)) in enumerate(OPENINGS.items(), 9001)]
        await together((*runs, opens(hosts, "port-closed", 9100, "refused", "ECONNREFUSED")))


async def nobody_has_the_address_or_the_port_is_walled(take: Take, recorder: Recorder) -> None:
    """Nobody answers ARP: the kernel knows after three seconds. A firewall that drops: nobody ever says so."""
    with lab("m") as hosts:
        hosts.drop(8080)
        hosts.on_client("sysctl", "-qw", "net.ipv4.tcp_syn_retries=4")  # the kernel's patience outlasts ours
        timeout = ("--open-timeout", str(take.between(4, 5)))
        targets = (f"nobody=ws://{SERVER[:-1]}9:8080/", f"walled={WS}", f"well={STOMP}")
        async with watching(*targets, *timeout, "--heart-beat", "1000,500", "--stdin", on=hosts.client) as watch:
            await seen(watch, "close", "nobody")
            await seen(watch, "close", "walled")
            await watch.command("quit")
            assert await watch.finish() == 3
    assert (watch.the("end", "nobody")["how"], watch.the("end", "nobody")["errno"]) == ("unreachable", "EHOSTUNREACH")
    assert (watch.the("end", "walled")["how"], watch.the("end", "walled")["phase"]) == ("timeout", "tcp")
    recorder.keep(take.of("network-nobody-and-walled"), watch)


async def name_server(name: str, take: Take, recorder: Recorder, *, dark: bool) -> None:
    """The resolver gets no answer."""
    with network(name) as hosts:
        hosts.ask_for_names(SERVER)
        if dark:
            hosts.blackhole()
        async with watching("ws://broker.ground.example/", on=hosts.client) as watch:
            assert await watch.finish() == 3
    end = watch.the("end")
    assert (end["how"], end["phase"]) == ("dns", "dns")
    recorder.keep(take.of(f"network-name-server-{'dark' if dark else 'gone'}"), watch)


async def name_server_gone(take: Take, recorder: Recorder) -> None:
    """Nobody listens at its address."""
    await name_server("n", take, recorder, dark=False)


async def name_server_dark(take: Take, recorder: Recorder) -> None:
    """The way to it swallows everything."""
    await name_server("o", take, recorder, dark=True)


GROUPS = {
    "dark": (
        two_sessions_that_ping,
        two_sessions_that_beat,
        in_the_middle_of_a_conversation,
        in_the_middle_of_opening,
        our_ping_timeout_is_faster_than_the_kernel,
        a_kernel_resets_all_connections,
    ),
    "forgotten": (
        beats_too_rare_for_the_firewall,
        pings_too_rare_for_a_firewall_that_resets,
        only_the_idle_one_is_forgotten,
        our_address_is_taken_away,
        our_interface_goes_down_under_beats,
        nobody_has_the_address_or_the_port_is_walled,
    ),
    "at the door": (answers_to_the_syn, name_server_gone, name_server_dark),
}


@pytest.mark.parametrize("name", [*map(extra, ("dark", "forgotten")), "at the door"])
async def test_what_a_network_does(name: str, take: Take, recorder: Recorder) -> None:
    await together(run(take, recorder) for run in GROUPS[name])
