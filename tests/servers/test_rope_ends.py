"""Ends that somebody meant: servers that are stopped, users that are sent away, proxies that start anew, tokens."""

import asyncio
import signal

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, seen
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.between import Table, direct, says, staged, stomps, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.child import Daemon
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.jvm import Netty, Tomcat
from tests.servers.lesser import Hitch, Nghttpx
from tests.servers.nginx import Certificate
from tests.servers.node import NodeStomp, NodeWs
from tests.servers.node_apps import Gateway
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.traefik import Traefik
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


CLOSE_REPORTS = (
    "rabbit_connection_tracking:close_connections("
    'rabbit_connection_tracking:list_of_user(<<"reports">>), "INC-8812 runaway consumer", 0).'
)


async def spoken(watch: Watch, name: str, count: int) -> None:
    """Returns once so many messages have come in."""
    await seen(watch, "frame", name, dir="in", opcode=1, count=count)


async def down_and_up(watch: Watch, proxy: Daemon, *sessions: str) -> None:
    """A proxy is stopped in order, and is there again once each session has found that it is not."""
    await asyncio.to_thread(proxy.end, signal.SIGTERM)
    for name in sessions:
        await seen(watch, "end", name, how="refused")
    await asyncio.to_thread(proxy.begin)
    for name in sessions:
        await seen(watch, "stomp", name, command="CONNECTED", count=2)
    await asyncio.sleep(1.1)


async def test_tomcat_is_stopped(start: Starter, recorder: Recorder) -> None:
    """Its machine is told to stop in the middle of the night; two came by nghttpx, another service goes on."""
    server, other = start(Tomcat), start(NodeWs)
    proxy = start(Nghttpx, server.port)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "phone", 4)
        await asyncio.to_thread(server.end, signal.SIGTERM)

    tables = {
        "elsewhere": ws(other.port, do=says(1.4, 7)),
        "desk": ws(proxy.port, "/live?user=desk"),
        "phone": ws(proxy.port, "/live?user=phone", do=says(0.65, 5)),
    }
    watch = await staged(tables, "desk", "phone", strike=strike)
    assert {watch.the("close", name)["code"] for name in ("desk", "phone")} == {1001}
    recorder.keep("rope-nghttpx-tomcat-stopped-1001", watch)


async def test_a_gateway_is_drained(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """It says 1001 to one, and 0.9 s later to the other, before it ends."""
    gateway, other = start(Gateway, stop=[1001, ""], drain=900), start(NodeWs)
    stunnel = start(Stunnel, gateway.port, certificate)

    def user(name: str, **options: object) -> Table:
        url = f"wss://localhost:{stunnel.port}/?token={gateway.token(name)}"
        return wss(stunnel.port, certificate) | {"url": url} | options

    async def strike(watch: Watch) -> None:
        await spoken(watch, "bert", 4)
        await asyncio.to_thread(gateway.end, signal.SIGTERM)

    tables = {
        "elsewhere": ws(other.port, do=says(1.6, 7)),
        "anna": user("anna"),
        "bert": user("bert", do=says(0.8, 4)),
    }
    watch = await staged(tables, "anna", "bert", strike=strike, stage="tls")
    for name in ("anna", "bert"):
        assert watch.of("close", name)[0]["received"] == {"code": 1001, "reason": ""}
    recorder.keep("rope-stunnel-gateway-drained-one-by-one-1001", watch)


async def test_an_operator_closes_a_user(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A consumer runs wild, and RabbitMQ's operator closes what its user has; STOMP over TLS, by hitch."""
    broker.ctl("add_user", "reports", "crew")
    broker.ctl("set_permissions", "-p", "/", "reports", ".*", ".*", ".*")
    hitch = start(Hitch, broker.stomp_port, certificate)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "reports", command="MESSAGE", count=2)
        await asyncio.to_thread(broker.ctl, "eval", CLOSE_REPORTS)

    login = {"login": "reports", "passcode": "crew", "vhost": "/"}
    busy = {"subscribe": ["/topic/reports"], "do": says(0.9, 6, "stomp-send /topic/reports row")}
    tables = {
        "orders": stomps(hitch.port, "1800,1800", certificate, do=says(1.1, 6, "stomp-send /topic/orders 1")),
        "reports": stomps(hitch.port, "1800,1800", certificate, login) | busy,
    }
    watch = await staged(tables, "reports", strike=strike, stage="tls")
    broker.ctl("delete_user", "reports")
    assert watch.the("close", "reports")["initiator"] == "remote"
    recorder.keep("rope-hitch-rabbitmq-operator-closes-a-user", watch)


async def test_an_administrator_kicks(start: Starter, recorder: Recorder) -> None:
    """The chat's administrator sends one away and says so; another and he himself stay. Netty behind Traefik."""
    server = start(Netty)
    traefik = start(Traefik, server.port)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "bert", 5)
        await ask(watch, "send kick bert 4010 kicked by an administrator", "admin")

    tables = {
        "admin": ws(traefik.port, "/live?user=admin"),
        "carl": ws(traefik.port, "/live?user=carl", do=says(1.2, 6)),
        "bert": ws(traefik.port, "/live?user=bert", do=says(0.55, 5)),
    }
    watch = await staged(tables, "bert", strike=strike)
    assert_said(watch.the("close", "bert"), 4010, "kicked by an administrator")
    recorder.keep("rope-traefik-netty-kicked-by-an-administrator", watch)


async def test_envoy_is_restarted(start: Starter, recorder: Recorder) -> None:
    """It is away for a moment and the server behind it is not: one who goes there straight beats on."""
    server = start(NodeStomp, beatEvery=3100, beats=1000)
    envoy = start(Envoy, server.port)
    table: Table = {"url": f"stomp+ws://{LOOPBACK}:{envoy.port}/", "heart_beat": "3100,3100", "reconnect": True}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "till", command="SEND", dir="out", count=3)
        await down_and_up(watch, envoy, "board", "till")

    tables = {
        "straight": {"url": server.url, "heart_beat": "3100,3100"},
        "board": table,
        "till": table | {"do": says(0.8, 3, "stomp-send /queue/sales 3.50")},
    }
    watch = await staged(tables, "board", "till", strike=strike)
    recorder.keep("rope-envoy-restarted-under-stomp", watch)


async def test_hitch_is_restarted(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """What ends TLS in front of ActiveMQ gets a new version; two tills come back, one without TLS never left."""
    hitch = start(Hitch, activemq.port, certificate)
    table = stomps(hitch.port, "2000,2000", certificate, CREW, reconnect=True)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "till2", command="SEND", dir="out", count=2)
        await down_and_up(watch, hitch, "till1", "till2")

    tables = {
        "office": direct(activemq, "2000,2000"),
        "till1": table,
        "till2": table | {"do": says(1.2, 3, "stomp-send /queue/sales 8.10")},
    }
    watch = await staged(tables, "till1", "till2", strike=strike, stage="tls")
    recorder.keep("rope-hitch-restarted-under-activemq", watch)


async def test_a_match_is_over(start: Starter, recorder: Recorder) -> None:
    """The program closes its two players with a code of its own; who watches another match stays. By Apache."""
    async with house() as app:
        apache = start(Apache, app.port)

        async def strike(watch: Watch) -> None:
            await spoken(watch, "white", 4)
            for name in ("white", "black"):
                await app.clients[name].close(4200, "match over 1-0")

        tables = {
            "guest": ws(apache.port, "/?user=guest", do=says(1.3, 5)),
            "white": ws(apache.port, "/?user=white", do=says(0.7, 5, "send e2e4")),
            "black": ws(apache.port, "/?user=black", do=says(1.0, 5, "send e7e5")),
        }
        watch = await staged(tables, "white", "black", strike=strike)
    for name in ("white", "black"):
        assert_said(watch.the("close", name), 4200, "match over 1-0")
    recorder.keep("rope-apache-match-over-4200", watch)


async def test_a_token_is_over(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """It was good for five seconds; the gateway says so, and lets its owner in no more. A fresh one is well."""
    gateway = start(Gateway, expired=[4001, "token expired"])
    stunnel = start(Stunnel, gateway.port, certificate)

    def user(name: str, lasts: int, **options: object) -> Table:
        url = f"wss://localhost:{stunnel.port}/?token={gateway.token(name, lasts)}"
        return wss(stunnel.port, certificate) | {"url": url} | options

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "lobby")
        await seen(watch, "end", "lobby", how="http", phase="http")

    tables = {
        "desk": user("desk", 600, do=says(1.5, 8)),
        "lobby": user("lobby", 5, do=says(0.9, 4), reconnect=True),
    }
    watch = await staged(tables, "lobby", strike=strike, stage="tls")
    assert watch.of("close", "lobby")[0]["received"] == {"code": 4001, "reason": "token expired"}
    assert watch.of("http", "lobby", dir="in")[1]["status"] == 401
    recorder.keep("rope-stunnel-gateway-token-over-then-401", watch)


async def stomp_server(_: str, client: ServerConnection, message: str | bytes) -> None:
    """A home-made STOMP server: it lets in whoever connects."""
    if str(message).startswith("CONNECT"):
        await client.send("CONNECTED\nversion:1.2\nheart-beat:0,0\nserver:desk/3.1\n\n\0")


async def test_an_error_says_that_the_token_is_over(start: Starter, recorder: Recorder) -> None:
    """A trading server looks at its clients' tokens again; STOMP's ERROR says what is wrong, 1000 ends. By Caddy."""
    async with house(stomp_server, subprotocols=["v12.stomp"]) as app:
        caddy = start(Caddy, app.port)

        def user(name: str, **options: object) -> Table:
            url = f"stomp+ws://{LOOPBACK}:{caddy.port}/?user={name}"
            return {"url": url, "heart_beat": "0,0"} | options

        async def strike(watch: Watch) -> None:
            await seen(watch, "stomp", "trader", command="SEND", dir="out", count=3)
            client = app.clients["trader"]
            await client.send("ERROR\nmessage:Access token expired\ncontent-length:0\n\n\0")
            await client.close(1000)

        tables = {
            "viewer": user("viewer", do=says(1.4, 6, "stomp-send /app/watch EURUSD")),
            "trader": user("trader", do=says(0.9, 4, "stomp-send /app/quote EURUSD")),
        }
        watch = await staged(tables, "trader", strike=strike)
    assert_told(watch)
    recorder.keep("rope-caddy-stomp-error-session-token-expired", watch)


def assert_told(watch: Watch) -> None:
    """The ERROR came, then the Close."""
    assert watch.the("stomp", "trader", command="ERROR")
    assert watch.the("close", "trader")["received"] == {"code": 1000, "reason": ""}
