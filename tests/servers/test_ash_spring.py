"""A Spring application and its users: a login that runs out, a slow reader, its broker."""

import asyncio
import urllib.request

import pytest

from tests.probing import ask, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import Table, opened, says, staged, ws
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.lines import beaten, leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /topic/orders 4"


def cookie_for(port: int, seconds: int) -> str:
    """The cookie of an HTTP session that lasts that long."""
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/login?seconds={seconds}", timeout=5) as answer:
        return str(answer.headers["Set-Cookie"]).partition(";")[0]


async def test_a_login_runs_out(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The HTTP session of a page lasts 4 s and its socket does not renew it; a colleague's lasts. HAProxy with TLS."""
    often = ("--server.tomcat.background-processor-delay=1s",)
    shop = start(Spring, options=often, door="login", heart_beat="2600,2600", inbound_threads=1)
    haproxy = start(HaProxy, shop.port, certificate=certificate)
    short, long = [await asyncio.to_thread(cookie_for, shop.port, seconds) for seconds in (4, 600)]
    base: Table = {
        "url": f"stomp+wss://localhost:{haproxy.port}/ws",
        "cacert": str(certificate.ca),
        "heart_beat": "2600,2600",
        "subscribe": ["/topic/orders"],
    }
    tables = {
        "colleague": base | {"cookie": [long], "do": says(1.4, 8, ORDER)},
        "page": base | {"cookie": [short]},
    }
    watch = await staged(tables, "page", stage="tls")
    assert watch.the("close", "page")["received"]["code"] == 1008
    recorder.keep("ash-haproxy-wss-spring-login-ran-out", watch)


async def test_a_chart_draws_too_slowly(spring: Spring, recorder: Recorder) -> None:
    """SockJS over WebSocket: a chart stands still for 3 s while much is published; a desk that hears nothing lives."""
    base: Table = {
        "url": spring.sockjs_url,
        "sockjs_transport": "websocket",
        "no_compression": True,
        "heart_beat": "0,500",
        "login": "anna",
        "passcode": "crew",
    }

    async def strike(watch: Watch) -> None:
        await ask(watch, "stomp-send /app/prices/2/300 x", "desk")
        await seen(watch, "stomp", "chart", command="MESSAGE", count=2)
        await ask(watch, "freeze 3.2", "chart")
        await ask(watch, "stomp-send /app/prices/40/6000 x", "desk")

    tables = {"desk": base, "chart": base | {"subscribe": ["/topic/prices"]}}
    watch = await staged(tables, "chart", strike=strike)
    assert watch.the("close", "chart")["initiator"] == "remote"
    recorder.keep("ash-spring-sockjs-slow-reader", watch)


async def test_the_broker_behind_is_stopped(own_activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """ActiveMQ, to which Spring relays, is stopped by its administrator; nginx in front, another service elsewhere."""
    account = "ground:crew"
    shop = start(Spring, relay=own_activemq.port, relay_system=account, relay_client=account, inbound_threads=1)
    nginx, other = start(Nginx, shop.port), start(NodeWs)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "board", command="MESSAGE", count=3)
        own_activemq.terminate()

    base: Table = {"heart_beat": "2200,2200", "subscribe": ["/topic/orders"]}
    tables = {
        "other": ws(other.port, do=says(1.3, 8)),
        "desk": base | {"url": f"stomp+ws://{LOOPBACK}:{nginx.port}/ws", "do": says(0.9, 8, ORDER)},
        "board": base | {"url": f"stomp+http://{LOOPBACK}:{nginx.port}/sockjs", "sockjs_transport": "xhr-polling"},
    }
    watch = await staged(tables, "desk", "board", strike=strike)
    for name in ("desk", "board"):
        assert watch.of("stomp", name, dir="in", command="ERROR")
    recorder.keep("ash-nginx-relay-activemq-stopped", watch)


async def test_a_stream_rotates_and_the_program_pauses(start: Starter, recorder: Recorder) -> None:
    """Each 2 kB a stream ends and the next begins; the program stands still for 2.3 s once; all of them live."""
    shop = start(Spring, heart_beat="4000,4000", sockjs_stream_bytes=2000, inbound_threads=1)
    base: Table = {"url": shop.sockjs_url, "heart_beat": "4000,4000"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            feed=base | {"sockjs_transport": "xhr-streaming", "subscribe": ["/topic/prices"]},
            desk=base | {"sockjs_transport": "websocket"},
        )
        await ask(watch, "stomp-send /app/prices/5/700 x", "desk")
        await seen(watch, "stomp", "feed", command="MESSAGE", count=5)
        with frozen(shop.pid):
            await ask(watch, "stomp-send /app/prices/4/700 x", "desk")
            await asyncio.sleep(2.3)
        await seen(watch, "stomp", "feed", command="MESSAGE", count=9)
        await beaten(watch, 1, "feed", "desk")
        await leave(watch, "feed", "desk", status=0)
    recorder.keep("ash-well-spring-stream-rotates-and-pauses", watch)
