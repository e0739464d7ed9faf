"""Proxies that end, restart and reload, a broker that an application loses, and an operator's hand."""

import asyncio
import json

import pytest

from tests.probing import probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import Table, assert_cut, opened, restarted, says, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.joined import beaten
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import GraphqlWs, NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

CLOSE = '[amqp_direct_connection:server_close(One, 320, <<"{why}">>) || One <- rabbit_direct:list()].'
"""What "Force Close" of RabbitMQ's management says, for all of its STOMP connections."""


def page(port: int, transport: str, beats: str, **options: object) -> Table:
    """STOMP over SockJS with a Spring application, wherever it is reached."""
    url = f"stomp+http://{LOOPBACK}:{port}/sockjs"
    return {"url": url, "sockjs_transport": transport, "heart_beat": beats} | options


async def test_nginx_is_restarted(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """For a new version of its own: a till comes back to the same application, a page does not."""
    spring = start(Spring, inbound_threads=1)
    nginx = start(Nginx, spring.port, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "till", command="SEND", dir="out", count=2)
        await asyncio.to_thread(restarted, nginx)
        await seen(watch, "stomp", "till", command="CONNECTED", count=2)

    there, trust = f"localhost:{nginx.port}", {"cacert": str(certificate.ca)}
    do = says(1.2, 2.5, "stomp-send /topic/house sold")
    tables = {
        "page": page(0, "websocket", "0,0", **trust) | {"url": f"stomp+https://{there}/sockjs"},
        "till": {"url": f"stomp+wss://{there}/ws", "heart_beat": "0,0", "do": do, "reconnect": True} | trust,
        "straight": {"url": spring.ws_url, "heart_beat": "0,0"},
    }
    watch = await staged(tables, "page", "till", strike=strike)
    recorder.keep("house-nginx-spring-restarted", watch)


async def test_nginx_reloads_under_subscriptions(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """With TLS; its old worker is left 1.7 s. One session hears a tick each second, one nothing at all."""
    server = start(GraphqlWs)
    nginx = start(Nginx, server.port, certificate=certificate, shutdown_timeout=1.7)
    hello = json.dumps({"type": "connection_init"})
    ticks = json.dumps({"id": "1", "type": "subscribe", "payload": {"query": "subscription { ticks }"}})
    speaks: Table = {"subprotocol": ["graphql-transport-ws"]}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "ticks", dir="in", count=3)
        nginx.reload()

    tables = {
        "straight": ws(server.port, do=[f"0.1 send {hello}"], ping_interval=1.8, **speaks),
        "quiet": wss(nginx.port, certificate, do=[f"0.1 send {hello}"], **speaks),
        "ticks": wss(nginx.port, certificate, do=[f"0.1 send {hello}", f"0.3 send {ticks}"], **speaks),
    }
    watch = await staged(tables, "quiet", "ticks", strike=strike, stage="tls")
    assert_cut(watch, "quiet", "ticks")
    recorder.keep("house-nginx-graphql-reload", watch)


async def test_caddy_dies_in_front_of_spring(start: Starter, recorder: Recorder) -> None:
    """Killed for its memory: who polls and who has a socket are cut, who goes straight to the application is not."""
    spring = start(Spring, heart_beat="1300,1300", sockjs_heart_beat=1800)
    caddy = start(Caddy, spring.port)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "socket", 2)
        await asyncio.to_thread(caddy.end)

    tables = {
        "polls": page(caddy.port, "xhr-polling", "0,0"),
        "socket": page(caddy.port, "websocket", "1300,1300"),
        "straight": page(spring.port, "websocket", "0,0"),
    }
    watch = await staged(tables, "polls", "socket", strike=strike, ok=False)
    recorder.keep("house-caddy-spring-killed", watch)


async def test_springs_broker_is_stopped_for_the_night(
    own_activemq: ActiveMq, start: Starter, recorder: Recorder
) -> None:
    """ActiveMQ stops in order; Spring, which relays to it, tells who polls and who has a socket behind nginx."""
    ground = "ground:crew"
    spring = start(Spring, relay=own_activemq.port, relay_system=ground, relay_client=ground, inbound_threads=1)
    nginx, other = start(Nginx, spring.port), start(NodeWs)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "desk", 2)
        own_activemq.terminate()

    tables = {
        "other": ws(other.port, ping_interval=2.2),
        "polls": page(nginx.port, "xhr-polling", "3100,3100"),
        "desk": {"url": f"stomp+ws://{LOOPBACK}:{nginx.port}/ws", "heart_beat": "1600,1600"},
    }
    watch = await staged(tables, "polls", "desk", strike=strike)
    recorder.keep("house-nginx-relay-activemq-stopped", watch)


async def test_an_operator_closes_the_only_one(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """STOMP over TCP through ``ssh -L``; the user has no look taken after a drop."""
    tunnel = start(SshTunnel, broker.stomp_port)
    async with probing("--stdin") as watch:
        do = says(1.1, 4, "stomp-send /topic/house reading")
        await opened(watch, meter=stomp(tunnel.port, "1900,1900", do=do))
        await seen(watch, "stomp", "meter", command="SEND", dir="out", count=2)
        await asyncio.to_thread(broker.ctl, "eval", CLOSE.format(why="meter 17 floods the exchange"))
        await seen(watch, "close", "meter")
        assert await watch.finish() == 1
    recorder.keep("house-ssh-rabbitmq-operator-closes-meter", watch)
