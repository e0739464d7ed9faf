"""sockjs-node stopped, killed, held, and behind proxies that end what passes them."""

import asyncio
import os
import signal

import pytest

from tests.probing import seen
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.looks import every, signalled, watched
from tests.servers.nginx import Nginx
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.transports import over_all_transports
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

_SIGNALS = {"stopped": signal.SIGTERM, "backend-killed": signal.SIGKILL}


def pair(port: int, transport: str, *names: str) -> list[str]:
    """The words for named sessions at that port over a transport."""
    return [*(f"{name}=http://{LOOPBACK}:{port}/echo" for name in names), "--sockjs-transport", transport]


@over_all_transports
@pytest.mark.parametrize(("end", "sign"), [("killed", signal.SIGKILL), ("stopped", signal.SIGTERM)])
async def test_it_ends(start: Starter, recorder: Recorder, transport: str, end: str, sign: signal.Signals) -> None:
    server = start(SockJsNode, heartbeat_delay=3700 if end == "killed" else 11300)
    words = pair(server.port, transport, "chatty", "idle") + every(0.47, "send hello", 5, "chatty")

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "idle", kind="o")
        await seen(watch, "sockjs", "chatty", kind="a", dir="in", count=3)
        os.kill(server.pid, sign)

    watch = await watched(words, ("chatty", "idle"), ok=False, strike=strike)
    recorder.keep(f"sockjs-life-{transport}-{end}", watch)


@over_all_transports
@pytest.mark.parametrize(
    ("why", "words"), [("replaced", "4009 replaced by a newer login"), ("token-expired", "4401 token expired")]
)
async def test_it_closes_one_of_two(start: Starter, recorder: Recorder, transport: str, why: str, words: str) -> None:
    server = start(SockJsNode, heartbeat_delay=2600)
    said = [*pair(server.port, transport, "old", "new"), *every(0.83, "send hello", 3.4, "new")]
    watch = await watched([*said, "--do", f"1.37 old: send close {words}"], ("old",))
    recorder.keep(f"sockjs-life-{transport}-{why}", watch)


async def test_it_is_held(start: Starter, recorder: Recorder) -> None:
    server = start(SockJsNode, heartbeat_delay=9100)
    words = [*pair(server.port, "websocket", "chatty", "idle"), *every(0.71, "send hello", 9, "chatty")]
    words += ["--ping-interval", "1.3", "--ping-timeout", "2.2"]
    strike = signalled(server.pid, signal.SIGSTOP, "chatty", 4)
    watch = await watched(words, ("chatty", "idle"), strike=strike)
    os.kill(server.pid, signal.SIGCONT)
    recorder.keep("sockjs-life-websocket-frozen", watch)


async def test_haproxys_tunnel_is_shorter_than_the_heart_beat(start: Starter, recorder: Recorder) -> None:
    server = start(SockJsNode, heartbeat_delay=25000)
    proxy = start(HaProxy, server.port, tunnel=2.7)
    words = [*pair(proxy.port, "websocket", "chatty", "idle"), *every(0.93, "send hello", 6, "chatty")]
    recorder.keep("sockjs-life-haproxy-tunnel", await watched(words, ("idle",)))


@pytest.mark.parametrize(("transport", "patience"), [("websocket", 3.3), ("xhr-streaming", 4.3)])
async def test_nginxs_read_timeout_is_shorter_than_the_heart_beat(
    start: Starter, recorder: Recorder, transport: str, patience: float
) -> None:
    server = start(SockJsNode, heartbeat_delay=24000)
    proxy = start(Nginx, server.port, patience, rules="proxy_buffering off;")
    words = [*pair(proxy.port, transport, "chatty", "idle"), *every(1.07, "send hello", 8, "chatty")]
    recorder.keep(f"sockjs-life-nginx-{transport}-read-timeout", await watched(words, ("idle",)))


@pytest.mark.parametrize("end", ["reloaded", "stopped", "backend-killed", "reload-survived"])
async def test_what_becomes_of_nginx(start: Starter, recorder: Recorder, end: str) -> None:
    server = start(SockJsNode, heartbeat_delay=8300)
    proxy = start(Nginx, server.port, shutdown_timeout=0.9 if end == "reloaded" else 30)
    words = [*pair(proxy.port, "websocket", "chatty", "idle"), *every(0.61, "send hello", 4, "chatty")]

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "idle", kind="o")
        await seen(watch, "sockjs", "chatty", kind="a", dir="in", count=2)
        if end in ("reloaded", "reload-survived"):
            proxy.reload()
        else:
            os.kill(proxy.pid if end == "stopped" else server.pid, _SIGNALS[end])
        if end == "reload-survived":
            await seen(watch, "sockjs", "chatty", kind="a", dir="in", count=6)

    survived = end == "reload-survived"
    gone = () if survived else ("chatty", "idle")
    watch = await watched(words, gone, ok=end != "stopped", status=0 if survived else 1, strike=strike)
    recorder.keep(f"sockjs-life-nginx-websocket-{end}", watch)


@pytest.mark.parametrize("status", [403, 404, 429, 503])
async def test_nginx_shuts_the_door(start: Starter, recorder: Recorder, status: int) -> None:
    server = start(SockJsNode)
    proxy = start(Nginx, server.port, rules=f"location /echo {{ return {status}; }}")
    words = [f"http://{LOOPBACK}:{proxy.port}/echo", "--sockjs-transport", "websocket"]
    recorder.keep(f"sockjs-life-door-{status}", await watched(words, ("A",), status=3))


@pytest.mark.parametrize("status", [502, 504])
async def test_nothing_answers_nginx(start: Starter, recorder: Recorder, status: int) -> None:
    server = start(SockJsNode)
    proxy = start(Nginx, server.port, 1.9)
    words = [f"http://{LOOPBACK}:{proxy.port}/echo", "--sockjs-transport", "websocket"]
    if status == 502:
        server.end()
        watch = await watched(words, ("A",), status=3)
    else:
        with frozen(server.pid):
            watch = await watched(words, ("A",), status=3)
    recorder.keep(f"sockjs-life-door-{status}", watch)


@over_all_transports
async def test_a_silence_between_bursts(start: Starter, recorder: Recorder, transport: str) -> None:
    server = start(SockJsNode, heartbeat_delay=7900)
    words = pair(server.port, transport, "A", "B")
    for at in (0.31, 0.33, 0.36, 5.21, 5.24):
        words += ["--do", f"{at} A: send hello"]

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "A", kind="a", dir="in", count=5 if transport == "websocket" else 3)
        await asyncio.sleep(2.3)

    recorder.keep(f"sockjs-life-{transport}-silence", await watched(words, (), status=0, strike=strike))
