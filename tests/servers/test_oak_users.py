"""Users: second logins, old tokens, haste, hidden tabs; an operator; a morning that is only slow."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import ask, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import TCP, Table, opened, says, sockjs, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.lines import beaten, echoed, leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import Gateway
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def of(gateway: Gateway, port: int, user: str, lasts: int = 600, **options: object) -> Table:
    """A session of that user, by way of the port."""
    return ws(port, f"/?token={gateway.token(user, lasts)}", **options)


@pytest.fixture
def till(broker: RabbitMq) -> Iterator[dict[str, str]]:
    """A login to a vhost of the shared broker that lasts as long as the test."""
    broker.ctl("add_vhost", "tills")
    broker.ctl("set_permissions", "-p", "tills", "guest", ".*", ".*", ".*")
    yield {"login": "guest", "passcode": "guest", "vhost": "tills"}
    broker.ctl("delete_vhost", "tills")


async def test_an_operator_closes_a_till(broker: RabbitMq, till: dict[str, str], recorder: Recorder) -> None:
    """``rabbitmqctl close_all_connections`` for the tills, with its reason; who is in another vhost goes on."""

    async def strike(watch: Watch) -> None:
        await beaten(watch, 2, "till")
        words = ("close_all_connections", "--vhost", "tills", "stock count tonight, log in again tomorrow")
        await asyncio.to_thread(broker.ctl, *words)

    tables = {
        "office": stomp(broker.stomp_port, "2000,2000", subscribe=["/topic/stock"]),
        "till": stomp(broker.stomp_port, "1700,1700", till, do=says(1.3, 6, "stomp-send /topic/stock 3")),
    }
    watch = await staged(tables, "till", strike=strike)
    assert watch.the("close", "till")["initiator"] == "remote"
    recorder.keep("oak-rabbitmq-tcp-operator-closes-till", watch)


async def test_somebody_signs_in_elsewhere(start: Starter, recorder: Recorder) -> None:
    """A phone takes the laptop's place at the gateway, behind HAProxy; another user does not notice."""
    gateway = start(Gateway, single=[4009, "Signed in on another device"], tick=1500)
    haproxy = start(HaProxy, gateway.port)

    async def strike(watch: Watch) -> None:
        await echoed(watch, 3, "laptop")
        await opened(watch, phone=of(gateway, haproxy.port, "anna", do=says(1.1, 4)))

    tables = {
        "ben": of(gateway, haproxy.port, "ben"),
        "laptop": of(gateway, haproxy.port, "anna", do=says(1.2, 5)),
    }
    watch = await staged(tables, "laptop", strike=strike)
    assert watch.the("close", "laptop")["received"]["code"] == 4009
    recorder.keep("oak-haproxy-gateway-signed-in-elsewhere", watch)


async def test_a_token_is_over(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A token of 5 s behind nginx with TLS; who comes back with it is answered 401. The day's token is good."""
    gateway = start(Gateway, expired=[4001, "Session token expired"], tick=1400)
    nginx = start(Nginx, gateway.port, certificate=certificate)

    def user(name: str, lasts: int, **options: object) -> Table:
        url = f"wss://localhost:{nginx.port}/?token={gateway.token(name, lasts)}"
        return wss(nginx.port, certificate, **options) | {"url": url}

    async def strike(watch: Watch) -> None:
        await seen(watch, "http", "night", dir="in", status=401)

    tables = {
        "day": user("day", 600, do=says(1.7, 6)),
        "night": user("night", 5, reconnect=True, do=says(1.2, 4)),
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await strike(watch)
        await leave(watch, "day")
    assert watch.of("close", "night")[0]["received"]["code"] == 4001
    recorder.keep("oak-nginx-gateway-token-over", watch)


async def test_a_script_is_in_haste(start: Starter, recorder: Recorder) -> None:
    """More than six messages in a second at the gateway behind Caddy; a page that is calm stays."""
    rate = {"most": 6, "code": 1008, "reason": "Too many requests, slow down"}
    gateway = start(Gateway, rate=rate, tick=1600)
    caddy = start(Caddy, gateway.port)
    burst = [f"{2.6 + n / 20:.2f} send order {n}" for n in range(15)]
    tables = {
        "page": of(gateway, caddy.port, "page", do=says(1.1, 6)),
        "script": of(gateway, caddy.port, "script", do=["0.8 send order", "1.7 send order", *burst]),
    }
    watch = await staged(tables, "script")
    assert watch.the("close", "script")["received"]["code"] == 1008
    recorder.keep("oak-caddy-gateway-too-many-requests", watch)


async def test_a_tab_is_hidden(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """Its timers fire once a minute, so ActiveMQ behind HAProxy gives it up; the one in sight beats on."""
    haproxy = start(HaProxy, activemq.port, options=TCP)

    async def strike(watch: Watch) -> None:
        await beaten(watch, 2, "tab")
        await ask(watch, "throttle-beats 60000", "tab")

    tables = {
        "sight": stomp(haproxy.port, "1800,1800", CREW, subscribe=["/topic/oak"]),
        "tab": stomp(haproxy.port, "1800,1800", CREW, subscribe=["/topic/oak"], do=["0.9 stomp-send /topic/oak hi"]),
    }
    watch = await staged(tables, "tab", strike=strike)
    assert watch.the("close", "tab")["initiator"] == "remote"
    recorder.keep("oak-haproxy-activemq-hidden-tab", watch)


async def test_a_slow_morning(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """Programs stand still for 3 s and answer late, nginx is reloaded, messages speak of errors: all are well."""
    server, stream = start(NodeWs), start(SockJsNode, heartbeat_delay=1900)
    nginx = start(Nginx, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            log=ws(nginx.port, do=says(1.4, 9, "send WARN token expired, 4401, server restarting in 5 s")),
            pings=ws(nginx.port, ping_interval=2.1, ping_timeout=8),
            stream=sockjs(stream.port, "xhr-streaming"),
            orders=stomp(activemq.port, "2500,2500", CREW, subscribe=["/topic/morning"]),
        )
        await echoed(watch, 1, "log")
        with frozen(server.pid, stream.pid):
            await asyncio.sleep(3.1)
        await echoed(watch, 2, "log")
        nginx.reload()
        await ask(watch, "stomp-send /topic/morning ERROR connection killed by admin", "orders")
        await seen(watch, "stomp", "orders", command="MESSAGE")
        await seen(watch, "sockjs", "stream", kind="h", count=2)
        await echoed(watch, 1, "log")
        await leave(watch, "log", "pings", "stream", "orders", status=0)
    recorder.keep("oak-slow-morning-and-well", watch)
