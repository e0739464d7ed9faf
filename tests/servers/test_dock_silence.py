"""Servers that stand still, pongs that do not come, proxies that wait no longer; and TLS that is not agreed on."""

import datetime
from pathlib import Path

import pytest
from websockets.frames import Opcode

from tests.probing import probing, seen
from tests.servers import certificates
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, answer, opened, refused, says, staged, stomp, stomps, ws, wss
from tests.servers.envoy import Envoy
from tests.servers.forward import Connect
from tests.servers.frameworks import Sanic
from tests.servers.frozen import frozen
from tests.servers.goapps import Gobwas, Melody
from tests.servers.golang import Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.lines import echoed, leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.node_apps import StompBroker
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python_apps import CoilMq, SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

NOW = datetime.datetime.now(datetime.UTC)
PINGS: Table = {"ping_interval": 1.6, "ping_timeout": 3.2, "close_timeout": 1.2}


async def sanic_stands_still(start: Starter, recorder: Recorder) -> None:
    """A loop that never ends, under one that pings and one that talks and pings; Node's clients are well."""
    server, other = start(Sanic), start(NodeWs)
    tables = {
        "elsewhere": ws(other.port, do=says(1.7, 14)),
        "pings": ws(server.port) | PINGS,
        "talks": ws(server.port, do=says(0.9, 4)) | PINGS | {"ping_interval": 2.3, "ping_timeout": 3.9},
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await echoed(watch, 2, "talks")
        with frozen(server.pid):
            await looked(watch, "pings", "talks")
            await leave(watch, "elsewhere", status=1)
    recorder.keep("dock-sanic-stands-still-under-two", watch)


async def a_broker_stands_still(start: Starter, recorder: Recorder) -> None:
    """stomp-broker-js is stopped under a desk that beats and pings; a desk at another broker beats on."""
    server, other = start(StompBroker, heartbeat=[1500, 1500]), start(StompBroker, heartbeat=[1500, 1500])
    beats: Table = {"heart_beat": "1500,1500"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        pings = {"ping_interval": 2.5, "ping_timeout": 4.4, "close_timeout": 1.0}
        await opened(watch, other=beats | {"url": other.url}, desk=beats | pings | {"url": server.url})
        await seen(watch, "frame", "desk", dir="in", opcode=10)
        with frozen(server.pid):
            await looked(watch, "desk")
            await leave(watch, "other", status=1)
    recorder.keep("dock-stomp-broker-js-stands-still", watch)


async def nobody_is_behind_the_proxy(start: Starter, recorder: Recorder) -> None:
    """By CONNECT: the proxy's kernel takes our pings for a server that has gone silent; past the proxy one is well."""
    server, other, proxy = start(Gorilla), start(Gobwas), start(Connect)
    way = f"http://{LOOPBACK}:{proxy.port}"
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            past=ws(other.port, "/ws", do=says(1.3, 12)),
            chat=ws(server.port, "/ws", proxy=way, do=says(0.8, 3)) | PINGS,
        )
        await echoed(watch, 2, "chat")
        with frozen(server.pid):
            await looked(watch, "chat")
            await leave(watch, "past", status=1)
    recorder.keep("dock-tinyproxy-nobody-behind-answers", watch)


def ticks(connection: Connection) -> None:
    """A ticker of somebody's own that knows nothing of pings."""
    connection.upgrade()
    for price in range(4711, 4740):
        connection.frame(Opcode.TEXT, f'{{"price":{price}}}'.encode())
        if connection.closing.wait(0.7):
            return


async def a_ticker_knows_no_pings(start: Starter, recorder: Recorder) -> None:
    """Prices come all the time and no pong ever; our client waits for four seconds. Another ticker answers."""
    other = start(Melody)
    with ScriptedServer(ticks) as server:
        tables = {
            "other": ws(other.port, "/ws", ping_interval=2.0, ping_timeout=4.0),
            "ticker": ws(server.port, "/prices", ping_interval=2.0, ping_timeout=4.0, close_timeout=0.8),
        }
        watch = await staged(tables, "ticker")
    assert not watch.of("frame", "ticker", dir="in", opcode=10)
    recorder.keep("dock-ticker-never-answers-pings", watch)


async def gobwas_hangs_behind_nginx(start: Starter, recorder: Recorder) -> None:
    """It hangs under a session, nginx waits no longer, and who comes back is told 504; the other program is well."""
    server, other = start(Gobwas), start(Melody)
    nginx, well = start(Nginx, server.port, 2.6), start(Nginx, other.port)
    async with probing("--stdin") as watch:
        await opened(
            watch,
            shop=ws(well.port, "/ws", do=says(1.6, 14)),
            chat=ws(nginx.port, "/ws", reconnect=True, do=says(0.9, 2)),
        )
        await echoed(watch, 2, "chat")
        with frozen(server.pid):
            await seen(watch, "http", "chat", dir="in", status=504, count=2)
            await seen(watch, "close", "chat", count=3)
            await leave(watch, "shop", status=1)
    recorder.keep("dock-nginx-gobwas-hangs-then-504", watch)


async def envoy_waits_no_longer(start: Starter, recorder: Recorder) -> None:
    """sockjs-tornado does not answer ``/info``: 504 for a stream and a poll. Another one behind another Envoy does."""
    server, other = start(SockJsTornado), start(SockJsTornado, heartbeat_delay=2)
    envoy, well = start(Envoy, server.port, route={"timeout": "2.2s"}), start(Envoy, other.port)
    base: Table = {"url": f"http://{LOOPBACK}:{envoy.port}/echo", "open_timeout": 8}
    with frozen(server.pid):
        watch = await refused(
            {
                "stream": base | {"sockjs_transport": "xhr-streaming"},
                "poll": base | {"sockjs_transport": "xhr-polling"},
            },
            after=0.9,
            before=0.6,
            socket={
                "url": f"http://{LOOPBACK}:{well.port}/echo",
                "sockjs_transport": "websocket",
                "do": says(1.5, 8),
            },
        )
    assert {answer(watch, name) for name in ("stream", "poll")} == {504}
    recorder.keep("dock-envoy-sockjs-tornado-504", watch)


async def test_nobody_answers(start: Starter, recorder: Recorder) -> None:
    """Six at a time; most of the time is spent waiting."""
    runs = (sanic_stands_still, a_broker_stands_still, nobody_is_behind_the_proxy, a_ticker_knows_no_pings)
    await side_by_side(run(start, recorder) for run in (*runs, gobwas_hangs_behind_nginx, envoy_waits_no_longer))


async def test_a_certificate_of_tonight(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """It was made by a machine whose clock is three hours ahead; HAProxy shows it to two. Past HAProxy one is in."""
    early = certificates.issue(
        tmp_path, not_before=NOW + datetime.timedelta(hours=3), not_after=NOW + datetime.timedelta(days=90)
    )
    server = start(Gobwas)
    haproxy = start(HaProxy, server.port, certificate=early)
    table = wss(haproxy.port, early)
    watch = await refused(
        {"phone": table, "till": table}, after=1.0, before=1.1, past=ws(server.port, "/ws", do=says(0.8, 3))
    )
    recorder.keep("dock-cert-valid-from-tonight-haproxy", watch)


async def test_a_certificate_of_next_year(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """The next certificate was put in place too soon: stunnel in front of CoilMQ. The plain port is as ever."""
    early = certificates.issue(
        tmp_path, not_before=NOW + datetime.timedelta(days=40), not_after=NOW + datetime.timedelta(days=405)
    )
    broker = start(CoilMq)
    front = start(Stunnel, broker.port, early)
    plain = stomp(broker.port, "0,0", CREW, vhost="localhost", do=says(0.9, 3, "stomp-send /queue/a 1"))
    watch = await refused({"mq": stomps(front.port, "0,0", early, CREW)}, after=1.3, before=0.9, plain=plain)
    recorder.keep("dock-cert-valid-from-next-year-stunnel-stomp", watch)


async def test_ciphers_of_another_key(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """HAProxy has a list of ciphers for RSA and a certificate of ECDSA since it was renewed; the other port has not."""
    server = start(StompBroker, heartbeat=[1900, 1900])
    (port,) = free_ports(1)
    pem = certificate.chain.with_name("both.pem")
    pem.write_text(certificate.chain.read_text() + certificate.key.read_text())
    only = "ciphers ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256 ssl-max-ver TLSv1.2"
    haproxy = start(HaProxy, server.port, certificate=certificate, rules=f"bind {LOOPBACK}:{port} ssl crt {pem} {only}")
    base: Table = {"cacert": str(certificate.ca), "heart_beat": "1900,1900"}
    watch = await refused(
        {"shop": base | {"url": f"stomp+wss://localhost:{port}/stomp"}},
        after=1.1,
        before=1.2,
        office=base | {"url": f"stomp+wss://localhost:{haproxy.port}/stomp"},
    )
    assert watch.the("end", "shop")["how"] == "tls"
    recorder.keep("dock-tls-haproxy-ciphers-of-another-key", watch)


async def test_a_curve_of_the_authority(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An audit wants Brainpool's curves alone: nginx says that the handshake failed to who knows none. A stream."""
    server = start(SockJsTornado, heartbeat_delay=2)
    nginx = start(Nginx, server.port, 60, certificate, rules="ssl_ecdh_curve brainpoolP384r1; ssl_protocols TLSv1.2;")
    well = start(Nginx, server.port, 60, certificate, rules="proxy_buffering off;")
    base: Table = {"cacert": str(certificate.ca), "sockjs_transport": "xhr-streaming"}
    watch = await refused(
        {"stream": base | {"url": f"https://localhost:{nginx.port}/echo"}},
        after=0.9,
        before=1.3,
        old=base | {"url": f"https://localhost:{well.port}/echo", "do": says(1.0, 4)},
    )
    assert watch.of("end", "stream")[0]["how"] == "tls"
    recorder.keep("dock-tls-nginx-curve-of-the-authority", watch)
