"""Doors that are shut to one and open to another: backends that never answer, names, certificates, paths, limits."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers import certificates
from tests.servers.apache import Apache
from tests.servers.between import (
    Table,
    answer,
    opened,
    refused,
    says,
    sockjs,
    staged,
    stomp,
    stomps,
    web_stomp,
    ws,
    wss,
)
from tests.servers.caddy import Caddy
from tests.servers.frameworks import Sanic, Tornado
from tests.servers.golang import Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Nghttpx
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_tornado_never_answers(start: Starter, recorder: Recorder) -> None:
    """Its process hangs from the start, and nghttpx waits 2.4 s for it; a session at another server is well."""
    server, other = start(Tornado), start(NodeWs)
    proxy = start(Nghttpx, server.port, "backend-read-timeout=2400ms")
    os.kill(server.pid, signal.SIGSTOP)
    watch = await refused({"late": ws(proxy.port, "/")}, after=0.9, before=0.8, well=ws(other.port, do=says(1.2, 7)))
    server.end()  # it would not hear a gentler word
    assert answer(watch, "late") == 504
    recorder.keep("rope-nghttpx-tornado-never-answers-504", watch)


async def test_info_never_comes(start: Starter, recorder: Recorder) -> None:
    """sockjs-node hangs, and Apache gives up on ``/info`` after two seconds; a session elsewhere is well."""
    server, other = start(SockJsNode), start(Sanic)
    apache = start(Apache, server.port, timeout=2)
    os.kill(server.pid, signal.SIGSTOP)
    watch = await refused(
        {"shop": sockjs(apache.port, "auto", open_timeout=9)},
        after=0.7,
        before=0.6,
        well=ws(other.port, do=says(1.4, 9)),
    )
    server.end()  # it would not hear a gentler word
    assert watch.of("http", "shop", dir="in")[0]["status"] == 502
    recorder.keep("rope-apache-sockjs-info-never-comes-502", watch)


async def test_a_vhost_of_staging(broker: RabbitMq, certificate: Certificate, recorder: Recorder) -> None:
    """A deployment asks production's broker for staging's vhost, over TLS; another client has the right one."""
    (port,) = (int(broker.tls_url.rpartition(":")[2]),)
    base = stomps(port, "2100,2100", certificate)
    watch = await refused(
        {"deploy": base | {"vhost": "shop-staging", "open_timeout": 5}},
        after=1.0,
        before=1.2,
        worker=base | {"do": says(1.5, 7, "stomp-send /topic/jobs 1")},
    )
    recorder.keep("rope-rabbitmq-vhost-of-staging", watch)


async def test_a_queue_is_held(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The night's job still holds its queue for itself when somebody starts it once more; RabbitMQ behind nginx."""
    nginx = start(Nginx, broker.port)
    table = web_stomp(nginx.port, "1900,1900")
    own = r"stomp-frame SUBSCRIBE\nid:1\ndestination:/queue/ledger\nexclusive:true\nauto-delete:true\nreceipt:in\n\n\0"

    async def strike(watch: Watch) -> None:
        await ask(watch, own, "night")
        await seen(watch, "stomp", "night", command="RECEIPT")
        await asyncio.sleep(1.3)
        await ask(watch, own, "rerun")

    tables = {
        "night": table,
        "other": table | {"do": says(1.4, 5, "stomp-send /topic/other 1")},
        "rerun": table,
    }
    watch = await staged(tables, "rerun", strike=strike)
    recorder.keep("rope-nginx-rabbitmq-queue-held-by-the-night-job", watch)


async def test_plain_words_to_caddy(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An old page still says ``ws:`` where the site has gone over to ``wss:`` on the same port."""
    server = start(Sanic)
    caddy = start(Caddy, server.port, tls=f"{certificate.chain} {certificate.key}")
    watch = await refused(
        {"page": {"url": f"ws://localhost:{caddy.port}/"}},
        after=1.1,
        before=1.0,
        new=wss(caddy.port, certificate, do=says(0.9, 4)),
    )
    recorder.keep("rope-plain-to-caddys-tls-port", watch)


async def test_plain_stomp_to_a_tls_port(broker: RabbitMq, recorder: Recorder) -> None:
    """A script has the port of STOMP over TLS and speaks without; another one has the plain port."""
    port = int(broker.tls_url.rpartition(":")[2])
    watch = await refused(
        {"script": stomp(port, "2400,2400", open_timeout=6)},
        after=0.8,
        before=1.1,
        report=stomp(broker.stomp_port, "2400,2400", do=says(1.1, 6, "stomp-send /topic/r 1")),
    )
    recorder.keep("rope-stomp-to-rabbitmqs-tls-port", watch)


async def test_a_sensor_knows_no_such_authority(start: Starter, recorder: Recorder, tmp_path: Path) -> None:
    """gorilla's certificate is of the plant's own authority; a new sensor was not given that one."""
    made = certificates.issue(tmp_path)
    server = start(Gorilla, Cert=str(made.chain), Key=str(made.key), PingPeriod=1.9, PongWait=4.1)
    base: Table = {"url": server.tls_url}
    watch = await refused({"sensor": base}, after=0.9, before=1.2, old=base | {"cacert": str(made.ca)})
    assert watch.of("tls", "sensor")[0]["ok"] is False
    recorder.keep("rope-gorilla-wss-own-authority", watch)


async def test_uvicorn_wants_a_certificate(
    certificate: Certificate, start: Starter, recorder: Recorder, tmp_path: Path
) -> None:
    """Only devices with a certificate are let in; a spare one comes with none and tries again, in vain."""
    ours = certificates.issue_client(tmp_path)
    server = start(
        Uvicorn, ssl_certfile=certificate.chain, ssl_keyfile=certificate.key, ssl_ca_certs=ours.ca, ssl_cert_reqs=2
    )
    base = wss(server.port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, known=base | {"cert": str(ours.chain), "key": str(ours.key), "do": says(1.3, 7)})
        await open_session(watch, name="spare", **base, reconnect=True)
        await seen(watch, "end", "spare", count=2)
        await asyncio.sleep(0.8)
        assert await watch.finish() == 3
    assert not watch.of("open", "spare")
    recorder.keep("rope-uvicorn-wants-a-certificate-twice", watch)


async def test_a_path_of_another_service(start: Starter, recorder: Recorder) -> None:
    """The gateway's path was copied into a client of the service behind it: Sanic has nothing there."""
    server = start(Sanic)
    watch = await refused(
        {"wrong": ws(server.port, "/api/v1/stream")}, after=1.2, before=1.1, right=ws(server.port, "/", do=says(0.8, 4))
    )
    assert answer(watch, "wrong") == 404
    recorder.keep("rope-sanic-path-of-another-service-404", watch)


async def test_a_prefix_has_a_slip(start: Starter, recorder: Recorder) -> None:
    """``/ecco`` for ``/echo``: sockjs-tornado knows no such SockJS; who spells it right streams. Behind HAProxy."""
    server = start(SockJsTornado, heartbeat_delay=2)
    haproxy = start(HaProxy, server.port)
    watch = await refused(
        {"typo": {"url": f"http://{LOOPBACK}:{haproxy.port}/ecco", "open_timeout": 6}},
        after=1.0,
        before=1.0,
        right=sockjs(haproxy.port, "xhr-polling", do=says(1.2, 4)),
    )
    assert watch.of("http", "typo", dir="in")[0]["status"] == 404
    recorder.keep("rope-haproxy-sockjs-tornado-prefix-404", watch)


async def test_the_third_is_one_too_many(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """nginx lets an address have two connections to the broker's WebSocket, and answers 429 to the next."""
    zone = "limit_conn_zone $binary_remote_addr zone=desk:1m;"
    nginx = start(Nginx, broker.port, http=zone, rules="limit_conn desk 2; limit_conn_status 429;")
    table = web_stomp(nginx.port, "2200,2200")
    watch = await refused({"third": table}, after=0.9, before=1.3, first=table, second=table)
    assert answer(watch, "third") == 429
    recorder.keep("rope-nginx-limit-conn-429", watch)


async def test_a_page_for_monitors(start: Starter, recorder: Recorder) -> None:
    """Somebody has put the load balancer's ``/healthz`` where the client's path belongs; it answers 200 to all."""
    server = start(Sanic)
    haproxy = start(HaProxy, server.port, rules="monitor-uri /healthz")
    watch = await refused(
        {"live": ws(haproxy.port, "/healthz")}, after=0.8, before=1.0, right=ws(haproxy.port, do=says(1.1, 4))
    )
    assert answer(watch, "live") == 200
    recorder.keep("rope-haproxy-monitor-page-200", watch)


async def test_websocket_is_off(start: Starter, recorder: Recorder) -> None:
    """sockjs-tornado has its WebSocket off, which one client insists on; another one streams. Behind HAProxy."""
    server = start(SockJsTornado, heartbeat_delay=2, disabled_transports=["websocket"])
    haproxy = start(HaProxy, server.port)
    watch = await refused(
        {"fast": sockjs(haproxy.port, "websocket", open_timeout=6)},
        after=0.9,
        before=1.3,
        slow=sockjs(haproxy.port, "xhr-streaming", do=says(1.2, 5)),
    )
    recorder.keep("rope-sockjs-tornado-websocket-off-behind-haproxy", watch)


async def test_a_vhost_is_left_out(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A program names no vhost, so that its library asks for one called as the URL's host; RabbitMQ by HAProxy."""
    haproxy = start(HaProxy, broker.port)
    table = web_stomp(haproxy.port, "1800,1800")
    bare = {key: value for key, value in table.items() if key != "vhost"} | {"open_timeout": 5}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, chat=table | {"do": says(1.2, 6, "stomp-send /topic/c 1")})
        await open_session(watch, name="wiki", **bare)
        await looked(watch, "wiki")
        assert {line["s"] for line in watch.of("close")} == {"wiki"}
        assert await watch.finish() in (1, 3)
    assert not watch.of("stomp", "wiki", command="CONNECTED")
    recorder.keep("rope-haproxy-web-stomp-vhost-left-out", watch)
