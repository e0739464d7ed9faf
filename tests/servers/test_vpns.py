"""Sessions inside a VPN: it ends at either half, is idle for too long, is revoked, or outlives its outside."""

import asyncio
from pathlib import Path

import pytest

from tests.probing import seen
from tests.servers.recordings import Recorder
from tests.servers.routed import CLIENT, INSIDE, SERVER, routed
from tests.servers.takes import Take
from tests.servers.test_nat import BEATS, leave, talk
from tests.servers.test_ways import answered, assert_gave_up
from tests.servers.together import together
from tests.servers.vpn import FAR_END, NEAR_END, OpenVpn, WireGuard
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

NODE, PYTHON, STOMP = f"ws://{FAR_END}:8080/", f"ws://{FAR_END}:8081/", f"stomp+ws://{FAR_END}:8082/"
DIRECT = f"ws://{SERVER}:8080/"


async def the_near_half_ends(home: Path, take: Take, recorder: Recorder) -> None:
    """Its device goes with it; a session past the tunnel lives."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_stomp(beat_every=1000, wants=1000)
        vpn = await asyncio.to_thread(OpenVpn, hosts, home)
        names = (f"ws={NODE}", f"stomp={STOMP}", f"direct={DIRECT}")
        words = ("--heart-beat", "1000,1000", *talk(0.7, 14, "ws"), *talk(1.5, 6, "direct"), "--stdin")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "ws", "stomp", "direct")
            vpn.near.terminate()
            await seen(watch, "close", "ws")
            await seen(watch, "close", "stomp")
            await seen(watch, "postmortem", count=2)
            assert not watch.of("close", "direct")
            assert await leave(watch) == 1
    assert_gave_up(watch, "ws", "stomp")
    assert watch.of("route", "ws")[0]["local"] == NEAR_END
    recorder.keep(take.of("openvpn-near-half-ends"), watch)


async def the_far_half_ends(home: Path, take: Take, recorder: Recorder) -> None:
    """The near half's device stands, and what is said into it reaches nobody."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_python()
        hosts.start_stomp()
        vpn = await asyncio.to_thread(OpenVpn, hosts, home)
        words = (*BEATS, "--ping-interval", str(take.between(0.4, 0.8)))
        async with watching(f"A={PYTHON}", f"B={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A", "B")
            vpn.far.kill()
            await seen(watch, "close", count=2)
            assert await watch.finish(60) == 1
    assert_gave_up(watch, "A", "B")
    assert watch.of("route", "A")[-1].get("local") == NEAR_END
    recorder.keep(take.of("openvpn-far-half-ends"), watch)


async def the_far_half_restarts(home: Path, take: Take, recorder: Recorder) -> None:
    """A static key needs no words before the first packet: TCP says again what was lost."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_node()
        hosts.start_stomp(beat_every=1000, wants=1000)
        vpn = await asyncio.to_thread(OpenVpn, hosts, home, near="--ping-restart 30")
        words = ("--heart-beat", "1000,1000", *talk(0.6, 14, "A"), "--stdin")
        async with watching(f"A={NODE}", f"B={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A", "B")
            vpn.far.terminate()
            vpn.far.wait()
            await seen(watch, "heartbeat", "B", layer="stomp-in", state=take.one_of("late", "missed"))
            vpn.begin_far()
            await seen(watch, "heartbeat", "B", layer="stomp-in", state="recovered")
            echoes = len(watch.of("frame", "A", opcode=1, dir="in"))
            await seen(watch, "frame", "A", opcode=1, dir="in", count=echoes + 3)
            assert await leave(watch) == 0
    recorder.keep(take.of("openvpn-far-half-restarts"), watch)


async def nobody_says_anything(home: Path, take: Take, recorder: Recorder) -> None:
    """``--inactive``: the near half ends when its tunnel has carried nothing for so long. Our word finds no way."""
    with routed() as hosts:
        hosts.start_python()
        hosts.start_node()
        await asyncio.to_thread(OpenVpn, hosts, home, near=f"--inactive {take.one_of(4, 5)}")
        words = (f"--do={take.between(8, 9)} quiet: send hello", *talk(0.9, 12, "direct"), "--stdin")
        async with watching(
            f"quiet={PYTHON}", f"direct={DIRECT}", *words, on=hosts.client.words, **POSTMORTEM
        ) as watch:
            await seen(watch, "close", "quiet")
            await seen(watch, "postmortem", "quiet")
            assert not watch.of("close", "direct")
            assert await leave(watch) == 1
    assert_gave_up(watch, "quiet")
    recorder.keep(take.of("openvpn-inactive"), watch)


async def it_roams(home: Path, take: Take, recorder: Recorder) -> None:
    """The client's address changes: the far half follows it (``--float``), and what is inside does not notice."""
    with routed() as hosts:
        hosts.be_patient(4)
        hosts.start_node()
        hosts.start_stomp()
        await asyncio.to_thread(OpenVpn, hosts, home)
        names = (f"inside={STOMP}", f"direct={DIRECT}")
        words = (*BEATS, *talk(0.6, 16, "direct"), "--stdin")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "inside", "direct")
            hosts.client.ip("address", "delete", f"{CLIENT}/24", "dev", "eth0")
            hosts.client.ip("address", "add", "10.78.1.55/24", "dev", "eth0")
            hosts.client.ip("route", "replace", "default", "via", INSIDE)
            await seen(watch, "close", "direct")
            await seen(watch, "postmortem", "direct")
            assert not watch.of("close", "inside")
            beats = len(watch.of("stomp", "inside", command="beat", dir="in"))
            await seen(watch, "stomp", "inside", command="beat", dir="in", count=beats + 3)
            assert await leave(watch) == 1
    recorder.keep(take.of("openvpn-floats"), watch)


async def it_is_taken_down(home: Path, take: Take, recorder: Recorder) -> None:
    """As ``wg-quick down`` does: the device is gone, and its route."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_python()
        vpn = await asyncio.to_thread(WireGuard, hosts, home)
        words = (*talk(0.5, 20, "A"), "--ping-interval", str(take.between(0.5, 0.9)))
        async with watching(f"A={NODE}", f"B={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A", "B")
            hosts.client.ip("link", "delete", vpn.near)
            await seen(watch, "close", count=2)
            assert await watch.finish(60) == 1
    assert_gave_up(watch, "A", "B")
    recorder.keep(take.of("wireguard-taken-down"), watch)


async def it_is_revoked(home: Path, take: Take, recorder: Recorder) -> None:
    """The far half knows the client's key no more: it says nothing, and nobody comes in anew."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_stomp()
        hosts.start_node()
        vpn = await asyncio.to_thread(WireGuard, hosts, home)
        words = ("-n", "2", "--heart-beat", take.one_of("500,500", "800,500"))
        async with watching(STOMP, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A1", "A2")
            vpn.revoke()
            await seen(watch, "close", count=2)
            assert await watch.finish(60) == 1
    assert_gave_up(watch, "A1", "A2")
    recorder.keep(take.of("wireguard-revoked"), watch)


async def behind_a_router_that_forgets(home: Path, take: Take, recorder: Recorder, *, keepalive: int) -> None:
    """Without ``PersistentKeepalive`` the server's pings find the client no more once its router has forgotten it.

    It gives up; what it said comes when the client has opened the way again, and keeps it open.
    """
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_python(ping_interval=take.between(3.5, 4), ping_timeout=1.2)
        hosts.masquerade(quiet=True)
        hosts.router.set(net__netfilter__nf_conntrack_udp_timeout=2, net__netfilter__nf_conntrack_udp_timeout_stream=2)
        await asyncio.to_thread(WireGuard, hosts, home, keepalive=keepalive)
        begins = take.between(7, 8)
        words = (*(f"--do={begins + 0.8 * n:.1f} send hello" for n in range(10)), "--stdin")
        async with watching(PYTHON, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            if keepalive:
                await seen(watch, "frame", opcode=1, dir="in")
                await seen(watch, "frame", opcode=9, dir="in", count=3)
                assert await leave(watch) == 0
            else:
                await seen(watch, "close")
                assert await leave(watch) == 1
    if not keepalive:
        assert watch.the("close")["initiator"] == "remote"
    recorder.keep(take.of(f"wireguard-{'keepalive' if keepalive else 'no-keepalive'}"), watch)


async def test_openvpn(tmp_path: Path, take: Take, recorder: Recorder) -> None:
    await together(
        run(tmp_path, take, recorder)
        for run in (the_near_half_ends, the_far_half_ends, the_far_half_restarts, nobody_says_anything, it_roams)
    )


async def test_wireguard(tmp_path: Path, take: Take, recorder: Recorder) -> None:
    await together(
        (
            it_is_taken_down(tmp_path, take, recorder),
            it_is_revoked(tmp_path, take, recorder),
            behind_a_router_that_forgets(tmp_path, take, recorder, keepalive=0),
            behind_a_router_that_forgets(tmp_path, take, recorder, keepalive=1),
        )
    )
