"""Who beats no more, who answers no ping, and who stands still; a neighbour is well each time."""

import asyncio
from contextlib import suppress

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tests.probing import ask, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, says, staged, stomp, stomps, ws, wss
from tests.servers.forward import Socks
from tests.servers.frameworks import Tornado
from tests.servers.frozen import frozen
from tests.servers.golang import Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.jvm import Jetty, Vertx
from tests.servers.lesser import Hitch, Lighttpd
from tests.servers.lines import beaten, echoed, leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeStomp, NodeWs
from tests.servers.node_apps import Rules
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel, StunnelClient
from tests.servers.toxiproxy import Toxiproxy
from tests.servers.traefik import Traefik
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_stream_does_not_beat(start: Starter, recorder: Recorder) -> None:
    """A page on Spring's XHR stream behind nginx sends orders and then sends nothing, not even its beats."""
    spring = await asyncio.to_thread(start, Spring, heart_beat="1500,1500")
    nginx = start(Nginx, spring.port, 30, rules="proxy_buffering off;")
    base: Table = {"url": f"stomp+http://{LOOPBACK}:{nginx.port}/sockjs", "heart_beat": "1500,1500"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "page", command="SEND", dir="out", count=2)
        await beaten(watch, 1, "page")
        await ask(watch, "hold-beats", "page")

    tables = {
        "desk": base | {"sockjs_transport": "websocket"},
        "page": base | {"sockjs_transport": "xhr-streaming", "do": says(0.8, 2, "stomp-send /topic/orders 2")},
    }
    watch = await staged(tables, "page", strike=strike)
    assert watch.the("close", "page")["initiator"] == "remote"
    recorder.keep("jay-nginx-spring-stream-beats-held", watch)


async def test_a_cron_job_beats_too_rarely(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """RabbitMQ by SOCKS and hitch: a job's beats come once in 8 s where 1.4 s are agreed; it comes back and is well."""
    hitch, socks = start(Hitch, broker.stomp_port, certificate), start(Socks)
    way: Table = {"proxy": f"socks5h://{LOOPBACK}:{socks.port}"}

    async def strike(watch: Watch) -> None:
        await beaten(watch, 2, "job")
        await ask(watch, "throttle-beats 8000", "job")
        await seen(watch, "close", "job")
        await ask(watch, "release-beats", "job")
        await seen(watch, "stomp", "job", command="CONNECTED", count=2)
        await beaten(watch, 2, "job")

    tables = {
        "console": stomps(hitch.port, "1900,1900", certificate, **way),
        "job": stomps(hitch.port, "1400,1400", certificate, reconnect=True, **way),
    }
    watch = await staged(tables, "job", strike=strike, stage="tls")
    recorder.keep("jay-socks-hitch-rabbitmq-job-throttled-and-back", watch)


async def test_a_broker_stops_to_beat(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A home-made broker behind Traefik beats three times and no more, and gives every receipt; another one beats."""
    server, other = start(NodeStomp, beatEvery=1400, beats=3), start(NodeStomp, beatEvery=1400, beats=1000)
    traefik = start(Traefik, server.port)
    asks = [rf"{at} stomp-frame SEND\ndestination:/queue/log\nreceipt:n{at}\n\nline\0" for at in (1.1, 3.7, 6.9, 8.4)]
    tables: dict[str, Table] = {
        "other": {"url": other.url, "heart_beat": "1400,1400"},
        "log": {"url": f"stomp+ws://{LOOPBACK}:{traefik.port}/", "heart_beat": "1400,1400", "do": asks},
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await seen(watch, "stomp", "log", dir="in", command="RECEIPT", count=4)
        await leave(watch, "other", "log")
    assert len(watch.of("stomp", "log", dir="in", command="beat")) == 3
    recorder.keep("jay-traefik-broker-stops-to-beat", watch)


async def test_one_beat_task_has_died(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An asyncio broker behind stunnel: the task that beats for one user has failed; his colleague's goes on.

    What he sends comes back to him as ever.
    """

    async def beats(client: ServerConnection, most: int) -> None:
        with suppress(ConnectionClosed):
            for _ in range(most):
                await asyncio.sleep(1.6)
                await client.send("\n")

    running: list[asyncio.Task[None]] = []

    async def broker(user: str, client: ServerConnection, message: str | bytes) -> None:
        frame = str(message)
        if frame.startswith("CONNECT"):
            await client.send("CONNECTED\nversion:1.2\nheart-beat:1600,1600\nserver:attic/0.4\n\n\0")
            running.append(asyncio.create_task(beats(client, 2 if user == "dora" else 100)))
        elif frame.startswith("SEND"):
            body = frame.partition("\n\n")[2]
            await client.send(f"MESSAGE\nsubscription:1\nmessage-id:7\ndestination:/queue/a\n\n{body}")
        elif frame.startswith("DISCONNECT"):
            await client.send("RECEIPT\nreceipt-id:disconnect\n\n\0")

    async with house(broker, ping_interval=None, subprotocols=["v12.stomp"]) as app:
        stunnel = start(Stunnel, app.port, certificate)
        base: Table = {"cacert": str(certificate.ca), "heart_beat": "1600,1600", "subscribe": ["/queue/a"]}
        url = f"stomp+wss://localhost:{stunnel.port}/?user="
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(
                watch,
                emil=base | {"url": f"{url}emil"},
                dora=base | {"url": f"{url}dora", "do": says(2.3, 12, "stomp-send /queue/a hello")},
            )
            await seen(watch, "stomp", "dora", dir="in", command="MESSAGE", count=4)
            await leave(watch, "emil", "dora")
    assert len(watch.of("stomp", "dora", dir="in", command="beat")) == 2
    recorder.keep("jay-stunnel-attic-one-beat-task-died", watch)


async def test_a_phone_sends_no_pong(start: Starter, recorder: Recorder) -> None:
    """Tornado pings every 1.7 s; a silent phone's pongs are held. A desk behind the same HAProxy talks and answers."""
    server = start(Tornado, websocket_ping_interval=1.7, websocket_ping_timeout=1.6)
    haproxy = start(HaProxy, server.port, tunnel=40)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "phone", opcode=10, dir="out", count=2)
        await ask(watch, "hold-pongs", "phone")

    tables = {"desk": ws(haproxy.port, do=says(1.3, 12)), "phone": ws(haproxy.port)}
    watch = await staged(tables, "phone", strike=strike)
    assert watch.the("close", "phone")["initiator"] == "remote"
    recorder.keep("jay-haproxy-tornado-phone-no-pong", watch)


async def test_a_scanner_answers_no_ping(start: Starter, recorder: Recorder) -> None:
    """gorilla's chat wants a pong within 3.1 s; a scanner behind lighttpd talks all the time and sends none."""
    server = start(Gorilla, PongWait=3.1, PingPeriod=1.4)
    lighttpd = start(Lighttpd, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "scanner", opcode=10, dir="out", count=2)
        await ask(watch, "hold-pongs", "scanner")

    tables = {
        "office": ws(lighttpd.port, "/ws?user=office"),
        "scanner": ws(lighttpd.port, "/ws?user=scanner", do=says(0.75, 8, "send item")),
    }
    watch = await staged(tables, "scanner", strike=strike)
    assert watch.the("close", "scanner")["initiator"] == "remote"
    recorder.keep("jay-lighttpd-gorilla-scanner-no-pong", watch)


async def test_a_proxy_passes_nothing_on(start: Starter, recorder: Recorder) -> None:
    """A TCP proxy passes nothing on any more; its kernel takes our pings and none is answered."""
    server, other = start(Jetty), start(NodeWs)
    way = start(Toxiproxy, server.port)
    tables = {
        "elsewhere": ws(other.port, do=says(1.6, 12)),
        "board": ws(way.port, "/live?user=board", ping_interval=1.9, ping_timeout=3.4, close_timeout=1.0),
    }

    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await seen(watch, "frame", "board", opcode=10, dir="in", count=2)
        await asyncio.to_thread(way.poison, "timeout", "upstream", timeout=0)
        await looked(watch, "board")
        await leave(watch, "elsewhere", status=1)
    recorder.keep("jay-toxiproxy-jetty-nothing-passes", watch)


async def test_a_broker_stands_still(start: Starter, recorder: Recorder) -> None:
    """Vert.x is stopped under STOMP over TCP that beats and a socket that pings; a desk elsewhere is well."""
    server, other = start(Vertx), start(Vertx)
    tables: dict[str, Table] = {
        "other": {"url": other.stomp_url, "heart_beat": "1000,1000"},
        "desk": {"url": server.stomp_url, "heart_beat": "1000,1000"},
        "chat": {
            "url": f"ws://{LOOPBACK}:{server.port}/live?user=chat",
            "ping_interval": 1.8,
            "ping_timeout": 3.3,
            "close_timeout": 1.0,
        },
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await beaten(watch, 2, "desk")
        with frozen(server.pid):
            await looked(watch, "chat", patience=4)
            await leave(watch, "other", "desk", status=1)
    recorder.keep("jay-vertx-stands-still-under-beats-and-pings", watch)


async def test_a_loop_never_ends(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Node computes for ever after one user's wish; two others who ping get no pong. All by TLS of hitch."""
    server, other = start(Rules), start(NodeWs)
    hitch, beside = start(Hitch, server.port, certificate), start(Hitch, other.port, certificate)
    pings: Table = {"ping_interval": 1.5, "ping_timeout": 3.1, "close_timeout": 1.0}
    tables = {
        "beside": wss(beside.port, certificate, do=says(1.7, 12)),
        "one": wss(hitch.port, certificate, do=says(0.9, 2), **pings),
        "two": wss(hitch.port, certificate, **pings),
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "two", opcode=10, dir="in", count=2)
        await ask(watch, "send spin 30000", "one")

    watch = await staged(tables, "one", "two", strike=strike, stage="tls")
    recorder.keep("jay-hitch-node-loop-never-ends", watch)


async def test_a_laptop_dozes_under_a_chat(start: Starter, recorder: Recorder) -> None:
    """This machine sleeps 6.5 s: gorilla's chat behind Apache gives up on its silence; a patient server waits."""
    server, patient = start(Gorilla, PongWait=3.0, PingPeriod=1.2), start(NodeWs)
    apache = start(Apache, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            patient=ws(patient.port, do=says(2.4, 20)),
            chat=ws(apache.port, "/ws?user=chat", do=says(0.9, 2)),
        )
        await seen(watch, "frame", "chat", opcode=10, dir="out", count=2)
        with frozen(watch.process.pid):
            await asyncio.sleep(6.5)
        await looked(watch, "chat")
        await echoed(watch, 1, "patient")
        await leave(watch, "patient", status=1)
    assert watch.of("stall")
    recorder.keep("jay-apache-gorilla-laptop-dozes", watch)


async def test_a_swapping_machine(broker: RabbitMq, recorder: Recorder) -> None:
    """Two sessions of RabbitMQ with different beats get no processor for 7.5 s; one of none was promised."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            calm=stomp(broker.stomp_port, "0,0", do=says(2.5, 20, "stomp-send /topic/jay 1")),
            fast=stomp(broker.stomp_port, "1300,1300"),
            slow=stomp(broker.stomp_port, "2000,2000", do=says(0.9, 2, "stomp-send /topic/jay 2")),
        )
        await beaten(watch, 1, "fast", "slow")
        with frozen(watch.process.pid):
            await asyncio.sleep(7.5)
        await looked(watch, "fast", "slow")
        await leave(watch, "calm", status=1)
    assert watch.of("stall")
    recorder.keep("jay-rabbitmq-tcp-swapping-machine", watch)


async def test_the_far_end_of_a_tunnel_is_stuck(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """stunnel to stunnel: the far half stands still, the near one takes our pings; who goes round it is well."""
    server = start(NodeWs)
    far = start(Stunnel, server.port, certificate)
    near = start(StunnelClient, far.port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            round=ws(server.port, do=says(1.9, 12)),
            tunnel=ws(near.port, do=says(0.8, 2), ping_interval=1.7, ping_timeout=3.6, close_timeout=1.0),
        )
        await seen(watch, "frame", "tunnel", opcode=10, dir="in", count=2)
        with frozen(far.pid):
            await looked(watch, "tunnel")
            await leave(watch, "round", status=1)
    recorder.keep("jay-stunnel-far-end-stuck", watch)


async def test_a_lone_page_is_blocked(start: Starter, recorder: Recorder) -> None:
    """An application on uvicorn calls something slow without ``await``; its one client pings and goes away."""
    server = start(Uvicorn)
    do = ["0.4 send hello", "2.1 send block 25"]
    watch = await staged(
        {"page": {"url": server.url, "do": do, "ping_interval": 1.2, "ping_timeout": 2.8, "close_timeout": 1.0}},
        "page",
        stage="http",
        ok=False,
    )
    recorder.keep("jay-uvicorn-lone-page-blocked", watch)
