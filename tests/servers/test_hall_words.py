"""What servers say before they end a session, and frames that one side or the other cannot take."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, says, sockjs, staged, stomp, stomps, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW, GUEST
from tests.servers.jvm import Netty, Tomcat
from tests.servers.lesser import Hitch, Nghttpx, Rinetd, Varnish
from tests.servers.lines import beaten, echoed, leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.traefik import Traefik
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

LONG_PING = "89fe00c800000000" + b"are you there? ".hex() * 13 + b"hello".hex()
"""A ping of 200 bytes, masked with zeros: a control frame may have 125 (RFC 6455 §5.5)."""
LATE = b"HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def test_tokens_of_netty_expire(start: Starter, recorder: Recorder) -> None:
    """Two of a user whose token lasts 5.3 s come one after the other by Traefik; a page elsewhere stays."""
    server, other = start(Netty, token="5300 4401 jwt expired"), start(NodeWs)
    traefik = start(Traefik, server.port)

    async def strike(watch: Watch) -> None:
        await echoed(watch, 1, "desk")
        await opened(watch, phone=ws(traefik.port, "/live?user=phone", ping_interval=1.9))

    tables = {
        "elsewhere": ws(other.port, do=says(1.3, 9)),
        "desk": ws(traefik.port, "/live?user=desk", do=says(1.45, 6)),
    }
    watch = await staged(tables, "desk", "phone", strike=strike)
    for name in ("desk", "phone"):
        assert_said(watch.the("close", name), 4401, "jwt expired")
    recorder.keep("hall-traefik-netty-jwt-expired-4401", watch)


async def test_a_poll_is_told_of_its_token(start: Starter, recorder: Recorder) -> None:
    """sockjs-node by nghttpx: a poll of the night shift gets ``c[4001,…]``; the day shift's token is new."""
    server = start(SockJsNode, heartbeat_delay=1900)
    nghttpx = start(Nghttpx, server.port)
    tables = {
        "day": sockjs(nghttpx.port, "xhr-streaming", do=says(1.4, 6, "send hello")),
        "night": sockjs(
            nghttpx.port,
            "xhr-polling",
            do=["0.8 send hello", "2.7 send close 4001 Session token expired"],
        ),
    }
    watch = await staged(tables, "night")
    assert watch.the("close", "night")["code"] == 4001
    recorder.keep("hall-nghttpx-sockjs-polls-token-4001", watch)


@pytest.fixture
def clerks(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker, with a user ``clerk`` who may read what is the shop's alone."""
    broker.ctl("add_user", "clerk", "desk")
    broker.ctl("set_permissions", "clerk", "^(shop|stomp).*", "^shop.*", "^(shop|stomp).*")
    yield broker
    broker.ctl("delete_user", "clerk")


async def test_a_clerk_reads_the_payroll(
    clerks: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """RabbitMQ by Envoy's TLS: a clerk subscribes to a queue that is not the shop's; the owner goes on."""
    envoy = start(Envoy, clerks.stomp_port, tcp={}, certificate=certificate)
    clerk = {"login": "clerk", "passcode": "desk", "vhost": "/"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            owner=stomps(envoy.port, "2600,2600", certificate, GUEST, subscribe=["/queue/payroll.hall"]),
            clerk=stomps(envoy.port, "2600,2600", certificate, clerk),
        )
        await beaten(watch, 1, "clerk")
        await ask(watch, "subscribe /queue/payroll.hall", "clerk")
        await seen(watch, "stomp", "clerk", command="ERROR")
        await looked(watch, "clerk", stage="tls")
        await beaten(watch, 1, "owner")
        await leave(watch, "owner", status=1)
    recorder.keep("hall-envoy-rabbitmq-may-not-read", watch)


async def test_a_visitor_wants_a_topic(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """ActiveMQ by rinetd: a visitor subscribes where only the crew may; one of the crew listens there."""
    rinetd = start(Rinetd, activemq.port)
    visitor = {"login": "visitor", "passcode": "crew"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            crew=stomp(rinetd.port, "2400,2400", CREW, subscribe=["/topic/hall.rota"]),
            visitor=stomp(rinetd.port, "2400,2400", visitor, subscribe=["/queue/lobby.hall"]),
        )
        await beaten(watch, 1, "visitor")
        await ask(watch, "subscribe /topic/hall.rota", "visitor")
        await seen(watch, "stomp", "visitor", command="ERROR")
        await beaten(watch, 2, "crew")
        await leave(watch, "crew")
    recorder.keep("hall-rinetd-activemq-visitor-creates-a-topic", watch)


async def test_a_user_signs_in_on_a_phone(start: Starter, recorder: Recorder) -> None:
    """Netty behind Varnish: the desk's place is taken by a phone, which stays; a colleague is another user."""
    server = start(Netty, twice="4409 You have signed in on another device")
    varnish = start(Varnish, server.port)

    async def strike(watch: Watch) -> None:
        await echoed(watch, 2, "desk")
        await opened(watch, phone=ws(varnish.port, "/live?user=anna", do=says(1.2, 5)))

    tables = {
        "colleague": ws(varnish.port, "/live?user=bert", do=says(1.6, 9)),
        "desk": ws(varnish.port, "/live?user=anna", do=says(1.3, 8)),
    }
    watch = await staged(tables, "desk", strike=strike)
    assert_said(watch.the("close", "desk"), 4409, "You have signed in on another device")
    recorder.keep("hall-varnish-netty-signed-in-on-a-phone-4409", watch)


async def test_the_page_is_open_twice(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A stream of sockjs-tornado behind Caddy with TLS gets ``c[4100,…]`` when a second tab is opened, which stays."""
    server = start(SockJsTornado, heartbeat_delay=1.8)
    caddy = start(Caddy, server.port, tls=f"{certificate.chain} {certificate.key}")
    base: Table = {"url": f"https://localhost:{caddy.port}/echo", "cacert": str(certificate.ca)}
    base |= {"sockjs_transport": "xhr-streaming"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "first", dir="in", kind="a")
        await opened(watch, second=base | {"do": says(1.5, 5)})
        await ask(watch, "send close 4100 This page was opened in another tab", "first")

    watch = await staged({"first": base | {"do": ["0.9 send hello"]}}, "first", strike=strike, stage="tls")
    assert watch.the("close", "first")["code"] == 4100
    recorder.keep("hall-caddy-sockjs-stream-other-tab", watch)


async def test_an_http_server_loses_patience(start: Starter, recorder: Recorder) -> None:
    """Its timer was not stopped at the upgrade: it writes a 408 into the frames of one; behind nghttpx."""
    async with house() as app:
        nghttpx = start(Nghttpx, app.port)

        async def strike(watch: Watch) -> None:
            await echoed(watch, 2, "board")
            await asyncio.sleep(0.9)
            app.clients["board"].transport.write(LATE)

        tables = {
            "page": ws(nghttpx.port, "/?user=page", do=says(1.2, 7)),
            "board": ws(nghttpx.port, "/?user=board", do=says(1.1, 3)),
        }
        watch = await staged(tables, "board", strike=strike)
    recorder.keep("hall-nghttpx-408-in-the-stream", watch)


async def test_a_device_pings_with_words(start: Starter, recorder: Recorder) -> None:
    """A firmware puts 200 bytes into its ping; uvicorn behind Apache does not take that. A page goes on."""
    server = start(Uvicorn)
    apache = start(Apache, server.port)
    tables = {
        "page": ws(apache.port, "/live", do=says(1.2, 6)),
        "device": ws(apache.port, "/live", no_compression=True, do=["0.9 send 21.5", f"2.8 raw-frame {LONG_PING}"]),
    }
    watch = await staged(tables, "device")
    assert watch.the("close", "device")["initiator"] == "remote"
    recorder.keep("hall-apache-uvicorn-ping-of-200-bytes", watch)


async def test_minutes_of_a_long_meeting(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Tomcat takes messages of 8 kB unless told otherwise; one sends 11 of them at once, over HAProxy's TLS."""
    server = start(Tomcat)
    haproxy = start(HaProxy, server.port, certificate=certificate)
    url = f"wss://localhost:{haproxy.port}/live?user="
    tables = {
        "notes": wss(haproxy.port, certificate, do=says(1.1, 6)) | {"url": url + "notes"},
        "minutes": wss(
            haproxy.port, certificate, no_compression=True, do=["1.2 send draft", "2.9 send-repeat minutes 1600"]
        )
        | {"url": url + "minutes"},
    }
    watch = await staged(tables, "minutes", stage="tls")
    assert watch.the("close", "minutes")["code"] == 1009
    recorder.keep("hall-haproxy-tomcat-minutes-1009", watch)


async def catalogue(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that has a catalogue."""
    await client.send("[" + ",".join(f'{{"sku":{4000 + n},"left":{n % 7}}}' for n in range(900)) + "]")


async def test_a_catalogue_has_grown(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """One client takes 16 kB, and the catalogue has become larger than that; another takes it. Behind hitch."""
    async with house(catalogue) as app:
        hitch = start(Hitch, app.port, certificate)
        table = wss(hitch.port, certificate, no_compression=True)
        url = f"wss://localhost:{hitch.port}/?user="
        tables = {
            "large": table | {"url": url + "large", "do": ["0.9 send catalogue", "3.1 send catalogue"]},
            "small": table | {"url": url + "small", "max_size": 16384, "do": ["1.7 send catalogue"]},
        }
        watch = await staged(tables, "small", stage="tls")
    assert watch.the("close", "small")["sent"]["code"] == 1009
    recorder.keep("hall-hitch-catalogue-over-our-limit", watch)


async def test_apache_is_reloaded_gracefully(start: Starter, recorder: Recorder) -> None:
    """``apachectl graceful`` under a busy and a pinging session: the old process keeps them."""
    server = start(NodeWs)
    apache = start(Apache, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch, busy=ws(apache.port, do=says(0.9, 9)), pings=ws(apache.port, ping_interval=1.4, ping_timeout=3.0)
        )
        await echoed(watch, 2, "busy")
        os.kill(apache.pid, signal.SIGUSR1)
        await echoed(watch, 5, "busy")
        await leave(watch, "busy", "pings", status=0)
    assert "Doing graceful restart" in apache.log
    recorder.keep("hall-apache-graceful-and-well", watch)
