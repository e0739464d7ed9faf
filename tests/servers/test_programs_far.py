"""Programs at the far end of a line, where only what they say can be seen: crashes, cuts, restarts, stalls."""

import asyncio
import os
import signal

import pytest

from tests.probing import seen
from tests.servers.asgi_hosts import Daphne
from tests.servers.child import Daemon
from tests.servers.frameworks import Aiohttp, Tornado
from tests.servers.haproxy import HaProxy
from tests.servers.lines import echoed, leave, open_doors, over, trusting
from tests.servers.looks import every
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, Host, routed
from tests.servers.starting import Starter
from tests.servers.test_nat import NODE
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


def begun(host: Host, server: Daemon) -> None:
    """Starts a server of that host once more."""
    with host.inside():
        server.begin()


async def test_tornado_is_killed(start: Starter, recorder: Recorder) -> None:
    """One of two was about to speak; what else is on the host is well."""
    with routed() as hosts:
        hosts.start_node()
        with hosts.server.inside():
            server = start(Tornado)
        open_doors(hosts.server, server.port)
        url = f"ws://{SERVER}:{server.port}/"
        words = [f"chat={url}", f"idle={url}", f"other={NODE}", *every(0.73, "send hello", 6, "chat")]
        words += [*every(1.2, "send hello", 8, "other"), "--stdin"]
        async with watching(*words, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 4, "chat")
            await asyncio.to_thread(server.end)
            await over(watch, "chat", "idle")
            await leave(watch, "other", status=1)
    recorder.keep("programs-far-tornado-killed", watch)


async def test_haproxy_is_killed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """It ended TLS for two; a third goes straight to the same program."""
    with routed() as hosts:
        with hosts.server.inside():
            server = start(Aiohttp)
            haproxy = start(HaProxy, server.port, certificate=certificate)
        open_doors(hosts.server, server.port, haproxy.port)
        url = f"wss://{SERVER}:{haproxy.port}/"
        words = [f"one={url}", f"two={url}", f"straight=ws://{SERVER}:{server.port}/", *trusting(certificate)]
        words += [*every(0.67, "send hello", 6, "one"), *every(1.1, "send hello", 8, "straight"), "--stdin"]
        async with watching(*words, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 4, "one")
            os.killpg(haproxy.pid, signal.SIGKILL)
            await over(watch, "one", "two")
            await leave(watch, "straight", status=1)
    recorder.keep("programs-far-haproxy-killed", watch)


async def test_nginx_is_reloaded(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Its old worker ends after 1.7 s, and with it a busy and an idle session; both come back at once."""
    with routed() as hosts:
        with hosts.server.inside():
            server = start(Tornado)
            nginx = start(Nginx, server.port, certificate=certificate, shutdown_timeout=1.7)
        open_doors(hosts.server, server.port, nginx.port)
        url = f"wss://{SERVER}:{nginx.port}/"
        words = [f"busy={url}", f"idle={url}", f"straight=ws://{SERVER}:{server.port}/", *trusting(certificate)]
        words += [*every(0.9, "send hello", 3.7, "busy"), "--reconnect", "--stdin"]
        async with watching(*words, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 2, "busy")
            nginx.reload()
            for name in ("busy", "idle"):
                await seen(watch, "open", name, count=2)
            assert not watch.of("close", "straight")
            await watch.command("quit")
            assert await watch.finish(40) == 1
    recorder.keep("programs-far-nginx-reload", watch)


async def test_daphne_is_restarted(start: Starter, recorder: Recorder) -> None:
    """It is away until both have been refused once."""
    with routed() as hosts:
        hosts.start_node()
        with hosts.server.inside():
            server = start(Daphne)
        open_doors(hosts.server, server.port)
        url = f"ws://{SERVER}:{server.port}/"
        words = [f"chat={url}", f"idle={url}", f"other={NODE}", *every(0.8, "send hello", 2.4, "chat")]
        words += ["--reconnect", "--stdin"]
        async with watching(*words, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 2, "chat")
            await asyncio.to_thread(server.end, signal.SIGTERM)
            for name in ("chat", "idle"):
                await seen(watch, "end", name, how="refused")
            await asyncio.to_thread(begun, hosts.server, server)
            for name in ("chat", "idle"):
                await seen(watch, "open", name, count=2)
            assert not watch.of("close", "other")
            await watch.command("quit")
            assert await watch.finish(40) == 1
    recorder.keep("programs-far-daphne-restarted", watch)


async def test_a_program_resets_one(start: Starter, recorder: Recorder) -> None:
    """By ``resetAndDestroy``; the other of its clients goes on."""
    with routed() as hosts:
        with hosts.server.inside():
            server = start(NodeEndings)
        open_doors(hosts.server, server.port)
        url = f"ws://{SERVER}:{server.port}/"
        words = [
            f"guest={url}",
            f"member={url}",
            *every(0.6, "send hello", 2, "guest"),
            "--do",
            "2.7 guest: send reset",
        ]
        words += [*every(0.85, "send hello", 8, "member"), "--stdin"]
        async with watching(*words, on=hosts.client.words, **POSTMORTEM) as watch:
            await over(watch, "guest")
            await echoed(watch, 1, "member")
            await leave(watch, "member", status=1)
    assert watch.the("close", "guest")["transport"]["how"] == "reset"
    recorder.keep("programs-far-node-resets-one", watch)


async def test_a_close_is_said_and_nothing_more(start: Starter, recorder: Recorder) -> None:
    """4001, and the program is held by its debugger; another of the host is well."""
    with routed() as hosts:
        hosts.start_node()
        with hosts.server.inside():
            server = start(NodeEndings)
        open_doors(hosts.server, server.port)
        words = [f"A=ws://{SERVER}:{server.port}/", f"other={NODE}", *every(0.7, "send hello", 2, "A")]
        words += ["--do", "2.6 A: send hang 4001 signed out", *every(1.3, "send hello", 9, "other")]
        words += ["--close-timeout", "2.7", "--stdin"]
        async with watching(*words, on=hosts.client.words, **POSTMORTEM) as watch:
            await over(watch, "A")
            await echoed(watch, 1, "other")
            await leave(watch, "other", status=1)
    assert watch.the("close", "A")["received"]["code"] == 4001
    recorder.keep("programs-far-node-4001-then-hangs", watch)


async def test_a_backend_is_killed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """HAProxy hands the end on, and has nobody for who reconnects; another of the host is well."""
    with routed() as hosts:
        hosts.start_node()
        with hosts.server.inside():
            server = start(Aiohttp)
            haproxy = start(HaProxy, server.port, certificate=certificate, options="retries 0")
        open_doors(hosts.server, haproxy.port)
        url = f"wss://{SERVER}:{haproxy.port}/"
        words = [f"busy={url}", f"idle={url}", f"other={NODE}", *trusting(certificate)]
        words += [*every(0.7, "send hello", 5, "busy"), "--reconnect", "--stdin"]
        async with watching(*words, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 3, "busy")
            await asyncio.to_thread(server.end)
            for name in ("busy", "idle"):
                await seen(watch, "http", name, dir="in", status=503)
            assert not watch.of("close", "other")
            await watch.command("quit")
            assert await watch.finish(40) in (1, 3)
    recorder.keep("programs-far-haproxy-aiohttp-killed", watch)
