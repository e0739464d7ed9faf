"""Users at night: their tokens, second tabs and haste, what they forget, and the brokers behind their pages."""

import asyncio
import itertools

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.probing import open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, refused, says, sockjs, staged, web_stomp, ws, wss
from tests.servers.forward import Squid
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import GUEST
from tests.servers.lesser import Hitch, Lighttpd, Nghttpx, Rinetd
from tests.servers.lines import beaten, echoed, leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import Gateway
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_night_shift_outlives_its_token(start: Starter, recorder: Recorder) -> None:
    """A gateway behind lighttpd closes with 4401 when a token runs out, and wants another one at the door."""
    gateway = start(Gateway, expired=[4401, "jwt expired"], tick=1100)
    lighttpd = start(Lighttpd, gateway.port)
    well = ws(lighttpd.port, f"/?token={gateway.token('bert')}")
    night = ws(lighttpd.port, f"/?token={gateway.token('anna', 5)}", reconnect=True)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, bert=well, anna=night)
        await seen(watch, "http", "anna", dir="in", status=401)
        await leave(watch, "bert")
    assert watch.of("close", "anna")[0]["received"] == {"code": 4401, "reason": "jwt expired"}
    recorder.keep("tide-lighttpd-gateway-token-4401", watch)


async def test_an_access_token_runs_out(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Node closes with 1008 and says so, in the middle of talk behind hitch; another site's session is well."""
    server, other = start(NodeWs, tokenLasts=3400, tokenEnd=[1008, "Access token has expired"]), start(NodeWs)
    hitch = start(Hitch, server.port, certificate)
    tables = {
        "site": ws(other.port, do=says(1.1, 6)),
        "panel": wss(hitch.port, certificate, do=says(0.8, 6)),
    }
    watch = await staged(tables, "panel")
    assert watch.the("close", "panel")["received"]["code"] == 1008
    recorder.keep("tide-hitch-node-token-1008", watch)


async def test_a_page_is_loaded_again_and_again(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """nginx lets one newcomer through at a time and answers 429 to the next, who wants RabbitMQ."""
    nginx = start(
        Nginx,
        broker.port,
        http="limit_req_zone $binary_remote_addr zone=door:64k rate=2r/m; limit_req_status 429;",
        rules="limit_req zone=door;",
    )
    watch = await refused(
        {"again": web_stomp(nginx.port, "1800,1800")}, after=0.7, before=1.0, first=web_stomp(nginx.port, "1800,1800")
    )
    assert watch.of("http", "again", dir="in", status=429)
    recorder.keep("tide-nginx-rabbitmq-429", watch)


async def test_a_user_opens_a_second_window(start: Starter, recorder: Recorder) -> None:
    """An application has one session for a user: the older is closed with 4100; another user's stays. By nghttpx."""
    of: dict[str, ServerConnection] = {}

    async def admit(client: ServerConnection) -> None:
        assert client.request is not None
        user = client.request.path
        older, of[user] = of.get(user), client
        if older is not None:
            await older.close(4100, "session resumed on another connection")
        async for message in client:
            await client.send(message)

    async with serve(admit, LOOPBACK, 0, ping_interval=None) as server:
        nghttpx = start(Nghttpx, next(iter(server.sockets)).getsockname()[1])

        async def strike(watch: Watch) -> None:
            await echoed(watch, 2, "bert", "anna")
            await opened(watch, window=ws(nghttpx.port, "/anna", do=["0.5 send hello", "1.4 send hello"]))
            await echoed(watch, 1, "window")

        tables = {
            "bert": ws(nghttpx.port, "/bert", do=says(1.0, 6)),
            "anna": ws(nghttpx.port, "/anna", do=says(0.8, 6)),
        }
        watch = await staged(tables, "anna", strike=strike)
    assert watch.the("close", "anna")["received"]["code"] == 4100
    recorder.keep("tide-nghttpx-second-window-4100", watch)


async def test_a_page_forgets_to_connect(start: Starter, recorder: Recorder) -> None:
    """Its stream to Spring opens and STOMP's CONNECT never comes, which Spring minds when the next one comes."""
    spring = await asyncio.to_thread(start, Spring, heart_beat="1700,1700", first_message=2500)
    haproxy = start(HaProxy, spring.port)
    url = f"stomp+http://{LOOPBACK}:{haproxy.port}/sockjs"
    well: Table = {"url": url, "heart_beat": "1700,1700"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, desk=well | {"sockjs_transport": "websocket"})
        await open_session(watch, name="page", url=url, sockjs_transport="xhr-streaming", no_stomp_connect=True)
        await seen(watch, "sockjs", "page", kind="o")
        await asyncio.sleep(3.2)
        await opened(watch, phone=well | {"sockjs_transport": "xhr-polling"})
        await looked(watch, "page")
        await leave(watch, "desk", "phone", status=1)
    assert watch.the("close", "page")["initiator"] == "remote"
    recorder.keep("tide-haproxy-spring-stream-no-connect", watch)


async def test_a_topic_with_slashes(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """It was good with Spring's own broker and is not with RabbitMQ, to which it relays now; a twin has dots."""
    spring = await asyncio.to_thread(start, Spring, relay=broker.stomp_port)
    apache = start(Apache, spring.port)
    table: Table = {"url": f"stomp+http://{LOOPBACK}:{apache.port}/sockjs", "heart_beat": "2000,2000"}
    asks = r"0.9 stomp-frame SUBSCRIBE\nid:1\ndestination:/topic/price/eur/oslo\n\n\0"
    tables = {
        "dots": table | {"sockjs_transport": "websocket", "subscribe": ["/topic/price.eur.oslo"]},
        "slashes": table
        | {
            "sockjs_transport": "websocket",
            "do": [asks],
        },
    }
    watch = await staged(tables, "slashes")
    assert watch.of("stomp", "slashes", dir="in", command="ERROR")
    recorder.keep("tide-apache-spring-relay-topic-with-slashes", watch)


async def test_rabbitmq_stops_under_a_relay(own_broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """An upgrade of the broker: the pages that Spring relays for are told; a session elsewhere is well."""
    other = start(NodeWs)
    spring = await asyncio.to_thread(start, Spring, relay=own_broker.stomp_port)
    table: Table = {"url": spring.sockjs_url, "heart_beat": "1900,1900"}

    async def strike(watch: Watch) -> None:
        await beaten(watch, 1, "polls", "socket")
        await asyncio.to_thread(own_broker.ctl, "stop_app")

    tables = {
        "elsewhere": ws(other.port, do=says(1.3, 12)),
        "polls": table | {"sockjs_transport": "xhr-polling"},
        "socket": table | {"sockjs_transport": "websocket", "do": says(0.9, 9, "stomp-send /topic/a one")},
    }
    watch = await staged(tables, "polls", "socket", strike=strike)
    recorder.keep("tide-spring-relay-rabbitmq-stopped", watch)


async def test_an_operator_moves_a_tenant(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """All of a virtual host's sessions are closed by rabbitmqctl, here a STOMP session by stunnel and rinetd."""
    for order in (("add_vhost", "tide"), ("set_permissions", "-p", "tide", "guest", ".*", ".*", ".*")):
        await asyncio.to_thread(broker.ctl, *order)
    stunnel = start(Stunnel, broker.stomp_port, certificate)
    rinetd = start(Rinetd, stunnel.port)
    table: Table = {"url": f"stomps://localhost:{rinetd.port}", "cacert": str(certificate.ca)} | GUEST

    async def strike(watch: Watch) -> None:
        await beaten(watch, 2, "tenant")
        await asyncio.to_thread(broker.ctl, "close_all_connections", "-p", "tide", "tenant moves to node 3")

    tables = {
        "stays": table | {"heart_beat": "1600,1600"},
        "tenant": table | {"vhost": "tide", "heart_beat": "1200,1200"},
    }
    watch = await staged(tables, "tenant", strike=strike)
    recorder.keep("tide-rinetd-stunnel-operator-moves-tenant", watch)


async def test_a_moderator_throws_somebody_out(start: Starter, recorder: Recorder) -> None:
    """With 4003 and his words, by way of Squid; the others in the room stay."""
    squid = start(Squid)
    async with house(ping_interval=None) as app:

        async def strike(watch: Watch) -> None:
            await echoed(watch, 2, "bert")
            await app.clients["bert"].close(4003, "Disconnected by an administrator")

        tables = {
            name: ws(app.port, f"/?user={name}", proxy=f"http://{LOOPBACK}:{squid.port}", do=says(pace, 5))
            for name, pace in (("anna", 1.1), ("bert", 0.8))
        }
        watch = await staged(tables, "bert", strike=strike)
    recorder.keep("tide-squid-moderator-4003", watch)


async def test_lighttpd_keeps_a_stream(start: Starter, recorder: Recorder) -> None:
    """It wants the whole answer before it passes it on, and a stream has no end; a socket passes."""
    server = start(SockJsNode, heartbeat_delay=1500)
    lighttpd = start(Lighttpd, server.port)
    held = sockjs(lighttpd.port, "xhr-streaming", open_timeout=5)
    watch = await refused({"stream": held}, after=0.8, before=0.4, socket=sockjs(lighttpd.port, "websocket"))
    recorder.keep("tide-lighttpd-sockjs-stream-kept", watch)


async def test_nginx_hands_messages_on_by_the_dozen_or_less(start: Starter, recorder: Recorder) -> None:
    """Behind it a stream's echoes come when a small buffer is full; a session elsewhere has its own at once."""
    server, other = start(SockJsNode, heartbeat_delay=450), start(NodeWs)
    small = "proxy_buffer_size 512; proxy_buffers 256 24; proxy_busy_buffers_size 512;"
    rules = f"location /echo {{ proxy_pass http://{LOOPBACK}:{server.port}; {small} }}"
    nginx = start(Nginx, server.port, rules=rules)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, socket=ws(other.port, do=says(1.5, 11)))
        await opened(watch, stream=sockjs(nginx.port, "xhr-streaming", do=says(0.7, 8, "send p")))
        await seen(watch, "sockjs", "stream", kind="a", dir="in", count=8)
        await leave(watch, "socket", "stream")
    times = [line["m"] for line in watch.of("sockjs", "stream", kind="a", dir="in")]
    assert max(after - before for before, after in itertools.pairwise(times)) > 1
    recorder.keep("tide-nginx-sockjs-stream-by-the-handful", watch)
