"""ssh's ways beside the plain ``-L``: ``-D``, ``-R``, a jump host, a way gone dark, and what stands behind them."""

import asyncio
import signal
from collections.abc import Sequence

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.frozen import frozen
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonWs
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.test_idle_proxies import chatter
from tests.servers.test_nat import leave, talk
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


def to(port: int) -> str:
    """The ``ws:`` target at a loopback port."""
    return f"ws://{LOOPBACK}:{port}/"


async def through_socks(watch: Watch, target: str, port: int, *names: str, **table: object) -> None:
    """Opens sessions that go through the SOCKS proxy at a loopback port."""
    for name in names:
        await open_session(watch, name=name, url=target, proxy=f"socks5h://{LOOPBACK}:{port}", **table)


async def gone(watch: Watch, *names: str) -> None:
    """Waits until these sessions have ended and the look after each came to where it fails."""
    for name in names:
        await seen(watch, "close", name)
        await seen(watch, "postmortem", name, ok=False)


@pytest.mark.parametrize("half", ["near", "far"])
async def test_a_socks_proxy_by_ssh_ends(echo_port: int, start: Starter, recorder: Recorder, half: str) -> None:
    """One through it beats, one is silent; who goes past it lives."""
    tunnel = start(SshTunnel, echo_port, way="-D")
    async with probing(f"past={to(echo_port)}", "--stdin", **POSTMORTEM) as watch:
        await through_socks(watch, to(echo_port), tunnel.port, "pings", ping_interval=0.37 if half == "near" else 0.53)
        await through_socks(watch, to(echo_port), tunnel.port, "silent")
        await seen(watch, "open", count=3)
        await seen(watch, "frame", "pings", dir="in", opcode=10, count=4)
        if half == "near":
            tunnel.kill_client()
        else:
            tunnel.signal_far_half(signal.SIGKILL)
        await gone(watch, "pings", "silent")
        assert await watch.finish() == 1
    recorder.keep(f"tunnels-ssh-d-{half}-half-killed", watch)


async def test_nobody_listens_behind_a_socks_proxy_by_ssh(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """ssh hangs up without an answer; who asks for a server that is there gets it."""
    tunnel = start(SshTunnel, echo_port, way="-D")
    async with probing("--stdin", f"past={to(echo_port)}", **POSTMORTEM) as watch:
        await through_socks(watch, to(echo_port), tunnel.port, "served", do=["0.3 send hello"])
        await through_socks(watch, to(1), tunnel.port, "nobody")
        await seen(watch, "close", "nobody")
        await seen(watch, "frame", "served", dir="in", text="hello")
        await watch.finish()
    recorder.keep("tunnels-ssh-d-nobody-listens", watch)


@pytest.mark.parametrize("half", ["near", "far"])
async def test_a_way_back_by_ssh_ends(echo_port: int, start: Starter, recorder: Recorder, half: str) -> None:
    """``-R``: the port is sshd's, and it is shut as soon as the one who asked for it is gone."""
    tunnel = start(SshTunnel, echo_port, way="-R")
    words = ("--stdin", *chatter(0.6 if half == "near" else 0.9, 4, "A"))
    sessions = (f"A={to(tunnel.port)}", f"B={to(tunnel.port)}", f"past={to(echo_port)}")
    async with probing(*sessions, *words, **POSTMORTEM) as watch:
        await seen(watch, "open", count=3)
        await seen(watch, "frame", "A", dir="in", count=2)
        if half == "near":
            tunnel.kill_client(signal.SIGTERM)
        else:
            tunnel.signal_far_half(signal.SIGTERM)
        await gone(watch, "A", "B")
        assert await watch.finish() == 1
    recorder.keep(f"tunnels-ssh-r-{half}-half-ends", watch)


async def test_a_way_back_is_made_again(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """As a service manager does that restarts ``ssh -R``."""
    tunnel = start(SshTunnel, echo_port, way="-R")
    words = ("--stdin", "--reconnect", *chatter(0.7, 3, "past"))
    async with probing(f"A={to(tunnel.port)}", f"past={to(echo_port)}", *words, **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        await seen(watch, "frame", "past", dir="in")
        tunnel.kill_client(signal.SIGHUP)
        await seen(watch, "end", "A", how="refused")
        tunnel.begin_client()
        await seen(watch, "open", "A", count=2)
        await watch.finish()
    recorder.keep("tunnels-ssh-r-made-again", watch)


async def test_the_jump_host_ends_it(echo_port: int, start: Starter, recorder: Recorder) -> None:
    tunnel = start(SshTunnel, echo_port, jump=True)
    words = ("-n", "2", "--ping-interval", "0.83", "--stdin")
    async with probing(to(tunnel.port), *words, **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        await seen(watch, "frame", "A2", dir="in", opcode=10, count=3)
        tunnel.signal_jump_host(signal.SIGKILL)
        await gone(watch, "A1", "A2")
        assert await watch.finish() == 1
    recorder.keep("tunnels-ssh-jump-host-killed", watch)


async def test_the_jump_host_stands_still(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """``ServerAliveInterval`` is what ends it, four seconds later."""
    tunnel = start(SshTunnel, echo_port, jump=True, alive=2)
    sessions = (f"chats={to(tunnel.port)}", f"silent={to(tunnel.port)}", f"past={to(echo_port)}")
    async with probing(*sessions, "--stdin", *chatter(1.1, 5, "chats"), **POSTMORTEM) as watch:
        await seen(watch, "open", count=3)
        await seen(watch, "frame", "chats", dir="in")
        tunnel.signal_jump_host(signal.SIGSTOP)
        try:
            await gone(watch, "chats", "silent")
            assert await watch.finish() == 1
        finally:
            tunnel.signal_jump_host(signal.SIGCONT)
    recorder.keep("tunnels-ssh-jump-host-stands-still", watch)


async def test_the_near_half_stands_still(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """Its kernel takes what is said to it; the probe's own pings find out."""
    tunnel = start(SshTunnel, echo_port)
    sessions = (f"pings={to(tunnel.port)}", f"past={to(echo_port)}")
    words = ("--ping-interval", "0.71", "--ping-timeout", "2.9", "--close-timeout", "1.2", "--stdin")
    async with probing(*sessions, *words, **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        await seen(watch, "frame", "pings", dir="in", opcode=10, count=2)
        with frozen(tunnel.near_pid):
            await seen(watch, "close", "pings")
            await seen(watch, "postmortem", "pings", stage="tcp")
            assert await watch.finish() == 1
    recorder.keep("tunnels-ssh-near-half-stands-still", watch)


async def test_the_near_half_stands_still_for_a_while(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """Nobody's patience ends meanwhile: all that was said comes back."""
    tunnel = start(SshTunnel, echo_port)
    sessions = (f"chats={to(tunnel.port)}", f"silent={to(tunnel.port)}", f"past={to(echo_port)}")
    async with probing(*sessions, "--stdin", *chatter(0.8, 4, "chats"), **POSTMORTEM) as watch:
        await seen(watch, "open", count=3)
        await seen(watch, "frame", "chats", dir="in")
        with frozen(tunnel.near_pid):
            await asyncio.sleep(3.4)
        await seen(watch, "frame", "chats", dir="in", count=5)
        assert await watch.finish() == 0
    recorder.keep("tunnels-ssh-stands-still-and-goes-on", watch)


async def test_the_listener_ends_and_the_tunnel_lives(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """A stop of sshd spares who is in."""
    tunnel = start(SshTunnel, echo_port)
    sessions = (f"chats={to(tunnel.port)}", f"silent={to(tunnel.port)}")
    async with probing(*sessions, "--stdin", *chatter(0.55, 4, "chats"), **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        await seen(watch, "frame", "chats", dir="in", count=2)
        tunnel.end_listener()
        await seen(watch, "frame", "chats", dir="in", count=7)
        assert await watch.finish() == 0
    recorder.keep("tunnels-sshd-stopped-and-survived", watch)


@pytest.mark.parametrize("way", ["-L", "-R"])
async def test_the_server_behind_it_is_killed(start: Starter, recorder: Recorder, way: str) -> None:
    """The tunnel lives: it accepts who looks, and has nowhere to lead."""
    server = start(PythonWs, ping_interval=0.93 if way == "-L" else None)
    tunnel = start(SshTunnel, server.port, way=way)
    sessions = (f"A={to(tunnel.port)}", f"B={to(tunnel.port)}", f"past={server.url}")
    async with probing(*sessions, "--stdin", *chatter(0.65, 3, "B"), **POSTMORTEM) as watch:
        await seen(watch, "open", count=3)
        await seen(watch, "frame", "B", dir="in", opcode=1, count=3)
        server.end()
        await gone(watch, "A", "B", "past")
        assert await watch.finish() == 1
    recorder.keep(f"tunnels-ssh-{way[1].lower()}-server-killed", watch)


async def test_the_server_behind_it_is_restarted(start: Starter, recorder: Recorder) -> None:
    """uvicorn says 1012; the tunnel stands all the time."""
    server = start(Uvicorn)
    tunnel = start(SshTunnel, server.port)
    target = server.url.replace(f":{server.port}", f":{tunnel.port}")
    words = ("-n", "2", "--reconnect", "--stdin", *chatter(0.95, 2))
    async with probing(target, *words, **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        await seen(watch, "frame", "A1", dir="in", opcode=1)
        server.end(signal.SIGTERM)
        await seen(watch, "close", count=2)
        server.begin()
        for name in ("A1", "A2"):
            await seen(watch, "open", name, count=2)
        await watch.finish()
    recorder.keep("tunnels-ssh-server-restarted", watch)


async def test_one_tunnel_of_two_ends(echo_port: int, start: Starter, recorder: Recorder) -> None:
    ended, stays = start(SshTunnel, echo_port), start(SshTunnel, echo_port, way="-R")
    sessions = (f"ended={to(ended.port)}", f"stays={to(stays.port)}", f"past={to(echo_port)}")
    words = ("--ping-interval", "1.17", "--stdin", *chatter(0.33, 1))
    async with probing(*sessions, *words, **POSTMORTEM) as watch:
        await seen(watch, "open", count=3)
        await seen(watch, "frame", "ended", dir="in", opcode=10, count=2)
        ended.signal_far_half(signal.SIGHUP)
        await gone(watch, "ended")
        await ask(watch, "send still here", "stays")
        await seen(watch, "frame", "stays", dir="in", text="still here")
        assert await watch.finish() == 1
    recorder.keep("tunnels-one-ssh-of-two-ends", watch)


@pytest.mark.parametrize("jump", [False, True])
async def test_it_may_not_lead_there(echo_port: int, start: Starter, recorder: Recorder, jump: bool) -> None:
    """``PermitOpen``: sshd's administrator does not let the tunnel lead to this server."""
    tunnel = start(SshTunnel, echo_port, rules=f"PermitOpen {LOOPBACK}:{'*' if jump else 1}", jump=jump)
    async with probing(f"A={to(tunnel.port)}", f"past={to(echo_port)}", "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open", "past")
        if jump:
            await seen(watch, "open", "A")
        else:
            await seen(watch, "close", "A")
        await watch.finish()
    recorder.keep("tunnels-ssh-jump-permitted" if jump else "tunnels-ssh-not-permitted", watch)


@pytest.mark.parametrize(("dark", "name"), [((SERVER,), "way-dark"), ((SERVER, OTHER), "all-dark")])
async def test_the_far_network_goes_dark(start: Starter, recorder: Recorder, dark: Sequence[str], name: str) -> None:
    """The near half's ``ServerAliveInterval`` gives up; another address of that host is still there, or is not."""
    with routed() as hosts:
        hosts.be_patient(9)
        hosts.start_node()

        def tunnelled() -> SshTunnel:
            with hosts.client.inside():
                return start(SshTunnel, 8080, alive=1, afar=hosts.server.words, at=SERVER)

        tunnel = await asyncio.to_thread(tunnelled)
        sessions = (f"A={to(tunnel.port)}", f"B={to(tunnel.port)}", f"past=ws://{OTHER}:8080/")
        words = (*talk(0.85, 4, "A"), "--stdin")
        async with watching(*sessions, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "A", dir="in", opcode=1)
            for address in dark:
                hosts.router.wall(f"ip daddr {address} drop", name=f"dark{len(address)}{address[-1]}")
            await gone(watch, "A", "B")
            assert await leave(watch) == 1
    recorder.keep(f"tunnels-ssh-{name}", watch)
