"""What operators and machines do to servers and proxies: stops with a word, restarts, deaths, reloads."""

import asyncio
import signal

import pytest

from tests.probing import seen
from tests.servers.abreast import up
from tests.servers.asgi_hosts import Gunicorn
from tests.servers.ashore import side_by_side
from tests.servers.between import TCP, Table, assert_cut, says, staged, stomp, web_stomp, ws, wss
from tests.servers.endings import assert_said
from tests.servers.frameworks import Aiohttp
from tests.servers.goapps import Gobwas, Melody
from tests.servers.golang import Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis, Jetty, Netty, Undertow, Vertx
from tests.servers.lesser import Hitch
from tests.servers.lines import beaten, echoed
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import Rules
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.uvicorn import Uvicorn
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def nginx_gets_a_new_certificate(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """``certbot`` reloads nginx, whose old worker may live for a second: RabbitMQ's two are cut and come back."""
    nginx = await up(start, Nginx, broker.port, 60, certificate, shutdown_timeout=1)
    base: Table = {"url": f"stomp+wss://localhost:{nginx.port}/ws", "cacert": str(certificate.ca)}
    tables = {
        "past": stomp(broker.stomp_port, "2600,2600"),
        "reader": web_stomp(0, "2400,2400") | base | {"subscribe": ["/topic/finch"], "reconnect": True},
        "writer": web_stomp(0, "2400,2400")
        | base
        | {"do": says(0.8, 2.5, "stomp-send /topic/finch 1"), "reconnect": True},
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "reader", dir="in", command="MESSAGE", count=2)
        nginx.reload()
        for name in ("reader", "writer"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        await beaten(watch, 1, "past")

    watch = await staged(tables, "reader", "writer", strike=strike, stage="tls")
    assert_cut(watch, "reader", "writer")
    recorder.keep("finch-nginx-rabbitmq-new-certificate", watch)


async def haproxy_gets_a_new_rule(start: Starter, recorder: Recorder) -> None:
    """HAProxy is reloaded for the third time today; a chat, a wall and a SockJS socket are cut. One goes past it."""
    server, page = await up(start, Gobwas), await up(start, SockJsTornado, heartbeat_delay=2.2)
    haproxy = await up(start, HaProxy, server.port, hard_stop=1.2)
    other = await up(start, HaProxy, page.port)
    tables: dict[str, Table] = {
        "beside": {"url": f"http://{LOOPBACK}:{other.port}/echo", "sockjs_transport": "websocket"},
        "chat": ws(haproxy.port, "/ws", do=says(0.7, 9)),
        "wall": ws(haproxy.port, "/ws"),
        "late": ws(haproxy.port, "/ws", do=["0.3 send hello"]),
    }

    async def strike(watch: Watch) -> None:
        await echoed(watch, 3, "chat")
        haproxy.reload()

    watch = await staged(tables, "chat", "wall", "late", strike=strike, stage="tcp")
    assert_cut(watch, "chat", "wall", "late")
    recorder.keep("finch-haproxy-gobwas-new-rule", watch)


async def melody_says_good_night(start: Starter, recorder: Recorder) -> None:
    """Melody says 1001 to its two users before it stops for the night; HAProxy gives 503 afterwards. One is well."""
    server, other = await up(start, Melody, Stop=[1001, "closed for the night"]), await up(start, Netty)
    haproxy = await up(start, HaProxy, server.port, tunnel=40)
    tables = {
        "other": ws(other.port, "/live?user=other", do=says(1.2, 10)),
        "anna": ws(haproxy.port, "/ws", do=says(0.9, 5), reconnect=True),
        "bert": ws(haproxy.port, "/ws"),
    }

    async def strike(watch: Watch) -> None:
        await echoed(watch, 2, "anna")
        await asyncio.to_thread(server.end, signal.SIGTERM)
        await seen(watch, "http", "anna", dir="in", status=503)

    watch = await staged(tables, "anna", "bert", strike=strike)
    assert_said(watch.of("close", "anna")[0], 1001, "closed for the night")
    recorder.keep("finch-haproxy-melody-closed-for-the-night", watch)


async def aiohttp_is_deployed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """aiohttp says 1001 at its shutdown and is there again 1.2 s later, behind hitch; both come back. One is well."""
    server, other = await up(start, Aiohttp, says_bye=[1001, "Server shutdown"]), await up(start, NodeWs)
    hitch = await up(start, Hitch, server.port, certificate)
    tables = {
        "other": ws(other.port, do=says(1.6, 12)),
        "busy": wss(hitch.port, certificate, do=says(0.8, 2), reconnect=True),
        "quiet": wss(hitch.port, certificate, reconnect=True),
    }

    async def strike(watch: Watch) -> None:
        await echoed(watch, 2, "busy")
        await asyncio.to_thread(server.end, signal.SIGTERM)
        await asyncio.sleep(1.2)
        await asyncio.to_thread(server.begin)
        for name in ("busy", "quiet"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.2)

    watch = await staged(tables, "busy", "quiet", strike=strike, stage="tls")
    assert_said(watch.of("close", "quiet")[0], 1001, "Server shutdown")
    recorder.keep("finch-hitch-aiohttp-deployed-1001", watch)


async def gunicorn_is_restarted(start: Starter, recorder: Recorder) -> None:
    """gunicorn with uvicorn's worker is restarted: 1012 to a chat and a wall, and both are back. Behind HAProxy."""
    server = await up(start, Gunicorn, "uvicorn.workers.UvicornWorker", "--graceful-timeout", "2")
    other = await up(start, Uvicorn)
    haproxy = await up(start, HaProxy, server.port, tunnel=40)
    tables = {
        "other": {"url": other.url, "do": says(1.5, 12)},
        "chat": ws(haproxy.port, do=says(0.8, 2), reconnect=True),
        "wall": ws(haproxy.port, reconnect=True),
    }

    async def strike(watch: Watch) -> None:
        await echoed(watch, 2, "chat")
        await asyncio.to_thread(server.end, signal.SIGTERM)
        await asyncio.to_thread(server.begin)
        for name in ("chat", "wall"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.2)

    watch = await staged(tables, "chat", "wall", strike=strike)
    recorder.keep("finch-haproxy-gunicorn-restarted", watch)


async def vertx_is_restarted(start: Starter, recorder: Recorder) -> None:
    """Vert.x is updated: STOMP's TCP ends, a socket is told 1000; attempts are refused, then both are back."""
    server, other = await up(start, Vertx), await up(start, NodeWs)
    tables: dict[str, Table] = {
        "other": ws(other.port, do=says(1.6, 16)),
        "till": {"url": server.stomp_url, "heart_beat": "1000,1000", "reconnect": True},
        "board": ws(server.port, "/live?user=board", do=says(0.9, 2), reconnect=True),
    }

    async def strike(watch: Watch) -> None:
        await echoed(watch, 2, "board")
        await asyncio.to_thread(server.end, signal.SIGTERM)
        await asyncio.to_thread(server.begin)
        await seen(watch, "open", "board", count=2)
        await seen(watch, "stomp", "till", command="CONNECTED", count=2)
        await asyncio.sleep(1.0)

    watch = await staged(tables, "till", "board", strike=strike)
    recorder.keep("finch-vertx-updated-and-back", watch)


async def gorilla_is_killed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """No memory is left and the kernel kills a Go server under a talker and a reader; nobody is there. TLS."""
    tls = {"Cert": str(certificate.chain), "Key": str(certificate.key)}
    server = await up(start, Gorilla, PongWait=60.0, PingPeriod=50.0, **tls)
    other = await up(start, SockJsNode, heartbeat_delay=1800)
    base: Table = {"url": server.tls_url, "cacert": str(certificate.ca)}
    tables: dict[str, Table] = {
        "other": {"url": other.url, "sockjs_transport": "websocket"},
        "talks": base | {"do": says(0.8, 9), "reconnect": True},
        "reads": base,
    }

    async def strike(watch: Watch) -> None:
        await echoed(watch, 3, "talks")
        await asyncio.to_thread(server.end)
        await seen(watch, "close", "talks", count=3)

    watch = await staged(tables, "talks", "reads", strike=strike, ok=False)
    recorder.keep("finch-wss-gorilla-killed", watch)


async def jetty_halts(start: Starter, recorder: Recorder) -> None:
    """The virtual machine of Jetty ends in the middle of what one user asked; his neighbour goes too. One is well."""
    server, other = await up(start, Jetty), await up(start, Undertow)
    tables = {
        "other": ws(other.port, "/live?user=other", do=says(1.3, 9)),
        "quiet": ws(server.port, "/live?user=quiet"),
        "asks": ws(server.port, "/live?user=asks", do=[*says(0.6, 2), "2.9 send halt"]),
    }
    watch = await staged(tables, "quiet", "asks", ok=False)
    assert_cut(watch, "quiet", "asks")
    recorder.keep("finch-jetty-halts", watch)


async def a_worker_runs_out_of_memory(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Node takes memory until it aborts, behind nginx: both are cut, who comes back gets 502. One is well."""
    server, other = await up(start, Rules), await up(start, NodeWs)
    nginx = await up(start, Nginx, server.port, 60, certificate)
    tables = {
        "other": ws(other.port, do=says(1.4, 12)),
        "quiet": wss(nginx.port, certificate, reconnect=True),
        "import": wss(nginx.port, certificate, do=["0.6 send hello", "2.1 send grow"]),
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "http", "quiet", dir="in", status=502)

    watch = await staged(tables, "quiet", "import", strike=strike, stage="tls")
    recorder.keep("finch-nginx-node-out-of-memory", watch)


async def artemis_dies_behind_haproxy(start: Starter, recorder: Recorder) -> None:
    """Artemis is killed behind a TCP frontend of HAProxy: STOMP by both ways ends, and nobody is let in again."""
    broker, other = await up(start, Artemis), await up(start, NodeWs)
    haproxy = await up(start, HaProxy, broker.port, options=TCP)
    tables = {
        "other": ws(other.port, do=says(1.4, 10)),
        "tcp": stomp(haproxy.port, "1900,1900", ANNA, do=says(0.9, 3, "stomp-send finch.q 1")),
        "web": {"url": f"stomp+ws://{LOOPBACK}:{haproxy.port}", "heart_beat": "1900,1900"} | ANNA,
    }

    async def strike(watch: Watch) -> None:
        await beaten(watch, 1, "tcp", "web")
        await asyncio.to_thread(broker.end)

    watch = await staged(tables, "tcp", "web", strike=strike, ok=False)
    recorder.keep("finch-haproxy-artemis-killed", watch)


async def test_reloads(broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several at a time."""
    await side_by_side(
        (
            nginx_gets_a_new_certificate(broker, certificate, start, recorder),
            haproxy_gets_a_new_rule(start, recorder),
            melody_says_good_night(start, recorder),
            aiohttp_is_deployed(certificate, start, recorder),
            gunicorn_is_restarted(start, recorder),
        )
    )


async def test_deaths(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several at a time."""
    runs = (vertx_is_restarted, jetty_halts, artemis_dies_behind_haproxy)
    sealed = (gorilla_is_killed, a_worker_runs_out_of_memory)
    await side_by_side(
        (*(run(start, recorder) for run in runs), *(run(certificate, start, recorder) for run in sealed))
    )
