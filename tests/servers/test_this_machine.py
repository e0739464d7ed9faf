"""What ends sessions on the client's own machine, or does not: its sockets, firewall, routes, names, sleep and VPN."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.probing import open_session, seen
from tests.servers.child import installed
from tests.servers.frozen import frozen
from tests.servers.recordings import Recorder
from tests.servers.routed import CLIENT, FAR, INSIDE, OTHER, SERVER, Routed, routed
from tests.servers.test_nat import NODE, PYTHON, STOMP, leave, talk
from tests.servers.together import together
from tests.servers.vpn import FAR_END, OpenVpn, WireGuard
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

Deed = Callable[[Routed], None]

PATIENCE_S = 5.2
"""How long a look may be awaited: an unanswered SYN is said again after one second and given up after three."""


async def looks_are_over(watch: Watch, *sessions: str) -> None:
    """Waits until the look after each session failed or reached the server; none is taken after some ends."""

    async def one(session: str) -> None:
        with suppress(AssertionError):
            await watch.until(
                lambda line: (
                    line["type"] == "postmortem"
                    and line["s"] == session
                    and (not line["ok"] or line["stage"] in ("tcp", "http"))
                ),
                PATIENCE_S,
            )

    await asyncio.gather(*(one(session) for session in sessions))


async def struck(
    recorder: Recorder,
    name: str,
    deed: Deed,
    words: list[str],
    lost: tuple[str, ...],
    well: tuple[str, ...] = (),
) -> None:
    """Three servers and sessions to them, named in ``words``; something is done, some are lost and looked after."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_node()
        hosts.start_python()
        hosts.start_stomp(beat_every=900, wants=900)
        async with watching(*words, "--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            for session in (*lost, *well):
                await seen(watch, "open", session)
            for session in (*lost, *well):
                if session != "silent":
                    await seen(watch, "frame", session, dir="in", count=2)
            await asyncio.to_thread(deed, hosts)
            for session in lost:
                await seen(watch, "close", session)
            await looks_are_over(watch, *lost)
            assert not [session for session in well if watch.of("close", session)]
            assert await leave(watch) == (1 if lost else 0)
    recorder.keep(f"tunnels-{name}", watch)


def killed_sockets(hosts: Routed) -> None:
    """An administrator of this machine kills the sockets to one server."""
    hosts.client.run(installed("ss", "iproute2"), "-K", "state", "established", "dport", "=", ":8080")


def down(hosts: Routed) -> None:
    """Its interface is switched off."""
    hosts.client.ip("link", "set", "eth0", "down")


def another_lease(hosts: Routed) -> None:
    """The router gave it another address."""
    hosts.client.ip("address", "flush", "dev", "eth0")
    hosts.client.ip("address", "add", "10.78.1.91/24", "dev", "eth0")
    hosts.client.ip("route", "replace", "default", "via", INSIDE)


def no_lease(hosts: Routed) -> None:
    """Its lease ran out and nobody gave it another."""
    hosts.client.ip("address", "delete", f"{CLIENT}/24", "dev", "eth0")


def no_way(hosts: Routed) -> None:
    """Its default route is gone."""
    hosts.client.ip("route", "delete", "default")


def walled(rule: str) -> Deed:
    """Its own firewall gets a rule for what goes out."""
    return lambda hosts: hosts.client.wall(rule, "output")


async def test_sockets_and_firewalls(recorder: Recorder) -> None:
    three = [f"chats={NODE}", f"silent={NODE}", f"other={PYTHON}", *talk(0.9, 12, "other")]
    await together(
        (
            struck(recorder, "ss-kills-sockets", killed_sockets, [*three, *talk(0.6, 4, "chats")],
                   ("chats", "silent"), ("other",)),
            struck(recorder, "own-firewall-resets", walled("tcp dport 8080 reject with tcp reset"),
                   [f"chats={NODE}", f"other={PYTHON}", *talk(0.7, 14, "chats"), *talk(1.1, 9, "other")],
                   ("chats",), ("other",)),
            struck(recorder, "own-firewall-drops", walled("tcp dport 8080 drop"),
                   [f"chats={NODE}", f"other={PYTHON}", *talk(0.8, 12, "chats"), *talk(1.2, 12, "other")],
                   ("chats",), ("other",)),
            struck(recorder, "own-firewall-forbids", walled("tcp dport 8082 reject with icmpx admin-prohibited"),
                   [f"beats={STOMP}", f"other={PYTHON}", "--heart-beat", "900,900", *talk(1.3, 9, "other")],
                   ("beats",), ("other",)),
        )
    )  # fmt: skip


async def test_addresses_and_ways(recorder: Recorder) -> None:
    await together(
        (
            struck(recorder, "interface-down", down,
                   [f"pings={PYTHON}", f"beats={STOMP}", "--ping-interval", "0.79", "--heart-beat", "900,900"],
                   ("pings", "beats")),
            struck(recorder, "another-lease", another_lease,
                   [f"chats={PYTHON}", f"beats={STOMP}", *talk(0.69, 14, "chats"), "--heart-beat", "900,900"],
                   ("chats", "beats")),
            struck(recorder, "no-lease", no_lease,
                   [f"A={NODE}", f"B={PYTHON}", *talk(0.87, 12)], ("A", "B")),
            struck(recorder, "default-route-gone", no_way,
                   [f"A={NODE}", f"B={PYTHON}", *talk(1.01, 12, "A"), *talk(0.59, 15, "B")], ("A", "B")),
        )
    )  # fmt: skip


async def asleep(recorder: Recorder, name: str, seconds: float, lost: tuple[str, ...], well: tuple[str, ...]) -> None:
    """The probe stands still: one server asks for pongs, one is patient, one wants no beats."""
    with routed() as hosts:
        hosts.start_node(pingEvery=1900)
        hosts.start_python(ping_interval=2.6, ping_timeout=11)
        hosts.start_stomp(beat_every=1700, wants=0)
        names = (f"asked={NODE}", f"patient={PYTHON}", f"beats={STOMP}")
        words = ("--heart-beat", "0,1700", *talk(0.5, 2, "patient"), "--stdin")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "asked", opcode=10, dir="out")
            await seen(watch, "frame", "patient", opcode=1, dir="in", count=2)
            with frozen(watch.process.pid):
                await asyncio.sleep(seconds)
            for session in lost:
                await seen(watch, "close", session)
            await looks_are_over(watch, *lost)
            beats = len(watch.of("stomp", "beats", command="beat", dir="in"))
            await seen(watch, "stomp", "beats", command="beat", dir="in", count=beats + 2)
            assert not [session for session in well if watch.of("close", session)]
            assert await leave(watch) == (1 if lost else 0)
    recorder.keep(f"tunnels-{name}", watch)


async def commanded(recorder: Recorder, name: str, command: str, code: int | None) -> None:
    """One session is told to fail its server's pings; its twin is not."""
    with routed() as hosts:
        hosts.start_python(ping_interval=1.03, ping_timeout=1.6)
        words = (f"told={PYTHON}", f"twin={PYTHON}", "--do", f"1.4 told: {command}", "--stdin")
        async with watching(*words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "told")
            await seen(watch, "frame", "twin", opcode=10, dir="out", count=4)
            assert watch.the("close", "told")["code"] == code
            assert await leave(watch) == 1
    recorder.keep(f"tunnels-{name}", watch)


async def ended_here(recorder: Recorder) -> None:
    """Three are ended by our own command without a handshake, one is left."""
    with routed() as hosts:
        hosts.start_node()
        names = [f"{name}={NODE}" for name in ("reset", "aborted", "stays")]
        deeds = ("--do", "1.2 reset: reset", "--do", "1.9 aborted: abort", *talk(0.66, 5, "stays"), "--stdin")
        async with watching(*names, *deeds, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "reset")
            await seen(watch, "close", "aborted")
            await seen(watch, "frame", "stays", opcode=1, dir="in", count=5)
            await leave(watch)
    recorder.keep("tunnels-ended-by-command", watch)


async def names_break(recorder: Recorder) -> None:
    """The first session found its server by name; then nobody answers for names, and the second does not."""
    with routed() as hosts:
        hosts.start_node()
        place = Path("/etc/netns") / hosts.client.name
        place.mkdir(parents=True)
        (place / "resolv.conf").write_text(f"nameserver {FAR}\noptions timeout:1 attempts:1\n")
        names = hosts.start(
            "sh", "-c", f"{installed('dnsmasq', 'dnsmasq-base')} --keep-in-foreground --no-hosts --no-resolv"
            f" --conf-file=/dev/null --user=root --address=/broker.example/{SERVER} & echo up; wait",
            says="up",
        )  # fmt: skip
        target = "ws://broker.example:8080/"
        async with watching(*talk(0.7, 9, "first"), "--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await open_session(watch, name="first", url=target)
            await seen(watch, "open", "first")
            hosts.server.wall("udp dport 53 drop", "input", name="names")
            await open_session(watch, name="second", url=target)
            await seen(watch, "close", "second")
            assert not watch.of("close", "first")
            await leave(watch)
        names.kill()
    recorder.keep("tunnels-names-break", watch)


async def test_sleep_commands_and_names(recorder: Recorder) -> None:
    await together(
        (
            asleep(recorder, "asleep-too-long", 6.7, ("asked",), ("patient", "beats")),
            asleep(recorder, "asleep-in-time", 1.5, (), ("asked", "patient", "beats")),
            commanded(recorder, "pongs-held", "hold-pongs", 1011),
            commanded(recorder, "frozen-by-command", "freeze 4.6", 1011),
            ended_here(recorder),
            names_break(recorder),
        )
    )


async def vpn_struck(
    recorder: Recorder, home: Path, name: str, kind: str, deed: Deed, lost: tuple[str, ...], well: tuple[str, ...] = ()
) -> None:
    """Two sessions inside a VPN, one past it; something is done to the tunnel or to its outside."""
    with routed() as hosts:
        hosts.be_patient(3 if lost else 8)
        hosts.start_node()
        hosts.start_stomp(beat_every=800, wants=800)
        if kind == "openvpn":
            await asyncio.to_thread(OpenVpn, hosts, home, near="--ping-exit 2" if "gives-up" in name else "")
        else:
            await asyncio.to_thread(WireGuard, hosts, home)
        names = (f"chats=ws://{FAR_END}:8080/", f"beats=stomp+ws://{FAR_END}:8082/", f"past=ws://{OTHER}:8080/")
        words = ("--heart-beat", "800,800", *talk(0.74, 14, "chats"), *talk(1.6, 7, "past"), "--stdin")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "chats", opcode=1, dir="in", count=2)
            await seen(watch, "stomp", "beats", command="beat", dir="in", count=2)
            await asyncio.to_thread(deed, hosts)
            for session in lost:
                await seen(watch, "close", session)
            await looks_are_over(watch, *lost)
            if not lost:
                await seen(watch, "heartbeat", "beats", layer="stomp-in", state="late")
                hosts.router.no_wall()
                await seen(watch, "heartbeat", "beats", layer="stomp-in", state="recovered")
                echoes = len(watch.of("frame", "chats", opcode=1, dir="in"))
                await seen(watch, "frame", "chats", opcode=1, dir="in", count=echoes + 2)
            assert not [session for session in well if watch.of("close", session)]
            assert await leave(watch) == (1 if lost else 0)
    recorder.keep(f"tunnels-{name}", watch)


def outside_dark(port: int) -> Deed:
    """What carries the tunnel is swallowed on the way, in either direction."""
    return lambda hosts: hosts.router.wall(f"udp dport {port} drop")


def device_down(hosts: Routed) -> None:
    """As a VPN's menu does that disconnects it."""
    hosts.client.ip("link", "set", f"wgc{hosts.number}", "down")


async def test_vpns(recorder: Recorder, tmp_path: Path) -> None:
    inside, past = ("chats", "beats"), ("past",)
    await together(
        (
            vpn_struck(recorder, tmp_path, "openvpn-outside-dark", "openvpn", outside_dark(1194), inside, past),
            vpn_struck(recorder, tmp_path, "openvpn-gives-up", "openvpn", outside_dark(1194), inside, past),
            vpn_struck(recorder, tmp_path, "openvpn-dark-for-a-while", "openvpn", outside_dark(1194), (), past),
            vpn_struck(recorder, tmp_path, "wireguard-down", "wireguard", device_down, inside, past),
            vpn_struck(recorder, tmp_path, "wireguard-outside-dark", "wireguard", outside_dark(51820), inside, past),
        )
    )
