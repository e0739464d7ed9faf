"""Clocks over a session: silence that a server or a proxy does not bear, an age that nobody passes."""

import asyncio

import pytest

from tests.probing import probing, seen
from tests.servers.abreast import up
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, assert_cut, opened, says, staged, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.forward import Dante
from tests.servers.frameworks import Sanic
from tests.servers.goapps import Melody
from tests.servers.golang import Coder
from tests.servers.jvm import Tomcat, Undertow
from tests.servers.lesser import Hitch, Nghttpx
from tests.servers.lines import leave, over
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.node_apps import Rules
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.rustapps import Axum
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def tomcat_minds_a_reader(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Tomcat's ``maxIdleTimeout`` of 3.6 s ends a reader with a Close that says so; who talks by nghttpx stays."""
    server = await up(start, Tomcat, idle=3600)
    nghttpx = await up(start, Nghttpx, server.port)
    tables = {
        "talks": ws(nghttpx.port, "/live?user=talks", do=says(1.2, 12)),
        "reads": ws(nghttpx.port, "/live?user=reads", do=["0.7 send page 1"]),
    }
    watch = await staged(tables, "reads")
    close = watch.the("close", "reads")
    assert close["initiator"] == "remote" and close["received"] is not None
    recorder.keep("finch-nghttpx-tomcat-reader-idle", watch)


async def pings_do_not_count(start: Starter, recorder: Recorder) -> None:
    """A program ends by 4000 who has sent no message for 3.9 s, though he pings; he comes back and it does so again."""
    server = await up(start, Rules, idle={"after": 3900, "counts": "messages", "end": [4000, "Idle timeout"]})
    tables = {
        "talks": ws(server.port, do=says(1.5, 14)),
        "pings": ws(server.port, do=["0.6 send hello"], ping_interval=1.1, ping_timeout=5.0, reconnect=True),
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "pings", count=2)
        await seen(watch, "open", "pings", count=3)

    watch = await staged(tables, "pings", strike=strike)
    assert_said(watch.of("close", "pings")[0], 4000, "Idle timeout")
    recorder.keep("finch-rules-pings-do-not-count-4000", watch)


async def axum_waits_for_a_message(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A handler of axum returns where nothing came for 3.4 s: TCP ends without a Close; who talks by hitch stays."""
    server = await up(start, Axum, 3.4)
    hitch = await up(start, Hitch, server.port, certificate)
    url = {"url": f"wss://localhost:{hitch.port}/ws"}
    tables = {
        "talks": wss(hitch.port, certificate, do=says(1.1, 12)) | url,
        "waits": wss(hitch.port, certificate, do=["0.9 send hello", "1.7 send anybody?"]) | url,
    }
    watch = await staged(tables, "waits", stage="tls")
    assert_cut(watch, "waits")
    recorder.keep("finch-hitch-axum-waits-for-a-message", watch)


async def envoy_bears_no_silence(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Envoy's ``idle_timeout`` of a route is 3.2 s: a wall drops twice and comes back; a ticker by it is well."""
    server = await up(start, Sanic)
    route = {"timeout": "0s", "idle_timeout": "3.2s"}
    envoy = await up(start, Envoy, server.port, certificate=certificate, route=route)
    tables = {
        "ticker": wss(envoy.port, certificate, do=says(1.6, 32)),
        "wall": wss(envoy.port, certificate, do=["0.4 send hello"], reconnect=True),
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "wall", count=2)
        await seen(watch, "open", "wall", count=3)

    watch = await staged(tables, "wall", strike=strike, stage="tls")
    recorder.keep("finch-envoy-sanic-wall-idle-twice", watch)


async def dante_ends_a_quiet_one(start: Starter, recorder: Recorder) -> None:
    """The office's SOCKS proxy ends what was silent for 4 s, of two servers, one after the other; who pings is well."""
    server, other = await up(start, Undertow), await up(start, Coder)
    dante = await up(start, Dante, idle=4)
    way = {"proxy": f"socks5://{LOOPBACK}:{dante.port}"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            pings=ws(server.port, "/live?user=pings", ping_interval=1.7, **way),
            one=ws(server.port, "/live?user=one", do=["0.6 send hello"], **way),
        )
        await asyncio.sleep(2.9)
        await opened(watch, two=ws(other.port, "/ws", do=["0.5 send hello", "1.4 send clock"], **way))
        await over(watch, "one", "two")
        await seen(watch, "frame", "pings", opcode=10, dir="in", count=5)
        await leave(watch, "pings", status=1)
    assert_cut(watch, "one", "two")
    recorder.keep("finch-dante-two-reading-rooms-idle", watch)


async def nginx_waits_for_a_heartbeat(start: Starter, recorder: Recorder) -> None:
    """SockJS beats every 25 s, nginx waits for 3.3: a socket that only listens is cut. One goes past it, one talks."""
    server = await up(start, SockJsTornado, heartbeat_delay=25)
    nginx = await up(start, Nginx, server.port, 3.3)
    base: Table = {"url": f"http://{LOOPBACK}:{nginx.port}/echo", "sockjs_transport": "websocket"}
    tables = {
        "past": base | {"url": server.url},
        "talks": base | {"do": says(1.3, 12)},
        "hears": base | {"do": ["0.8 send hello"]},
    }
    watch = await staged(tables, "hears")
    assert_cut(watch, "hears")
    recorder.keep("finch-nginx-sockjs-tornado-hears-only", watch)


async def caddy_lets_nobody_get_old(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Caddy's ``stream_timeout`` is 5 s: two sessions that came apart, one busy and one that pings. One is direct."""
    server = await up(start, Melody)
    caddy = await up(start, Caddy, server.port, life=5, tls=f"{certificate.chain} {certificate.key}")
    there = wss(caddy.port, certificate) | {"url": f"wss://localhost:{caddy.port}/ws"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            direct=ws(server.port, "/ws", do=says(1.4, 14)),
            first=there | {"do": says(0.9, 12)},
        )
        await asyncio.sleep(1.8)
        await opened(watch, second=there | {"ping_interval": 1.1, "ping_timeout": 4.0})
        await over(watch, "first", "second", stage="tls")
        await leave(watch, "direct", status=1)
    ages = [watch.the("close", name)["age"] for name in ("first", "second")]
    assert max(ages) - min(ages) < 0.6
    recorder.keep("finch-caddy-melody-nobody-gets-old", watch)


async def a_gateway_cuts_at_an_age(start: Starter, recorder: Recorder) -> None:
    """A home-made gateway terminates each socket 4.4 s after it opened: two busy ones, of which one comes back."""
    server, other = await up(start, Rules, age={"after": 4400, "end": "cut"}), await up(start, NodeWs)
    tables = {
        "elsewhere": ws(other.port, do=says(1.7, 16)),
        "feed": ws(server.port, do=says(1.1, 4), reconnect=True, ping_interval=1.2, ping_timeout=4.0),
    }

    async def strike(watch: Watch) -> None:
        await asyncio.sleep(1.3)
        await opened(watch, late=ws(server.port, do=says(0.7, 5)))
        await seen(watch, "close", "feed", count=2)
        await seen(watch, "open", "feed", count=3)

    watch = await staged(tables, "feed", "late", strike=strike)
    assert_cut(watch, "feed", "late")
    ages = [close["age"] for close in watch.of("close", initiator="remote")]
    assert max(ages) - min(ages) < 0.4
    recorder.keep("finch-node-gateway-cuts-at-an-age", watch)


async def rabbitmq_behind_nginx_is_quiet(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """nginx waits for 3.5 s and RabbitMQ's consumer agreed on beats of 20: it is cut in silence, its twin beats."""
    nginx = await up(start, Nginx, broker.port, 3.5, certificate)
    base: Table = {"url": f"stomp+wss://localhost:{nginx.port}/ws", "cacert": str(certificate.ca)}
    tables = {
        "twin": web_stomp(0, "1700,1700") | base,
        "consumer": web_stomp(0, "20000,20000") | base | {"subscribe": ["/queue/finch"]},
    }
    watch = await staged(tables, "consumer", stage="tls")
    assert_cut(watch, "consumer")
    recorder.keep("finch-nginx-rabbitmq-beats-of-twenty-seconds", watch)


async def test_silence(broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (tomcat_minds_a_reader, axum_waits_for_a_message)
    await side_by_side(
        (
            *(run(certificate, start, recorder) for run in runs),
            pings_do_not_count(start, recorder),
            rabbitmq_behind_nginx_is_quiet(broker, certificate, start, recorder),
        )
    )


async def test_envoy_and_caddy(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Two at a time."""
    runs = (envoy_bears_no_silence, caddy_lets_nobody_get_old)
    await side_by_side(run(certificate, start, recorder) for run in runs)


async def test_quiet_ways(start: Starter, recorder: Recorder) -> None:
    """Two at a time."""
    await side_by_side((dante_ends_a_quiet_one(start, recorder), nginx_waits_for_a_heartbeat(start, recorder)))


async def test_a_gateway(start: Starter, recorder: Recorder) -> None:
    """It minds nothing but the age."""
    await a_gateway_cuts_at_an_age(start, recorder)
