"""Doors that nginx and HAProxy keep shut, beside sessions that pass: statuses, rules, limits, and lost upgrades."""

import base64

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.between import (
    Edited,
    answer,
    opened,
    refused,
    says,
    sockjs,
    staged,
    stomp,
    web_stomp,
    ws,
    wss,
)
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

OLD_HTTP = "location /echo {{ proxy_pass http://{host}:{port}; }}"
"""A location that is told nothing: HTTP/1.0 to the server behind it, no upgrade, and responses held back."""


async def test_haproxy_waits_in_vain(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """The server stands still before it has answered."""
    server = start(NodeWs)
    haproxy, other = start(HaProxy, server.port, client=2.1), start(HaProxy, echo_port)
    with frozen(server.pid):
        watch = await refused({"waits": ws(haproxy.port)}, elsewhere=ws(other.port))
    assert answer(watch, "waits") == 504
    recorder.keep("between-haproxy-504", watch)


@pytest.mark.parametrize("kind", ["nginx-rabbitmq", "haproxy-node"])
async def test_the_upgrade_is_lost(broker: RabbitMq, start: Starter, recorder: Recorder, kind: str) -> None:
    """What reaches the server is a plain GET; who goes past the proxy is let in."""
    if kind == "nginx-rabbitmq":
        nginx = start(Nginx, broker.port, upgrades=False)
        watch = await refused({"through": web_stomp(nginx.port, "2000,2000")}, past=web_stomp(broker.port, "2000,2000"))
    else:
        server = start(NodeWs)
        rules = "http-request del-header Upgrade\n    http-request del-header Connection"
        haproxy = start(HaProxy, server.port, rules=rules)
        watch = await refused({"A": ws(haproxy.port), "B": ws(haproxy.port)}, past=ws(server.port))
    recorder.keep(f"between-{kind}-upgrade-lost", watch)


async def test_nginx_has_it_elsewhere(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """RabbitMQ's /ws is published as /stomp; what is not is looked for among the files."""
    upgrade = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"
    there = f"location /stomp {{ proxy_pass http://{LOOPBACK}:{broker.port}/ws; proxy_http_version 1.1; {upgrade} }}"
    nginx = start(Nginx, broker.port, rules=f"{there} location /ws {{ root /srv; }}")
    right = web_stomp(nginx.port, "2500,2500") | {"url": f"stomp+ws://{LOOPBACK}:{nginx.port}/stomp"}
    watch = await refused({"old": web_stomp(nginx.port, "2500,2500")}, right=right)
    assert answer(watch, "old") == 404
    recorder.keep("between-nginx-published-elsewhere", watch)


async def test_one_of_two_locations_holds_back(start: Starter, recorder: Recorder) -> None:
    server = start(SockJsNode, heartbeat_delay=900)
    old = start(Nginx, server.port, rules=OLD_HTTP.format(host=LOOPBACK, port=server.port))
    new = start(Nginx, server.port, rules="proxy_buffering off;")
    held = sockjs(old.port, "xhr-streaming", open_timeout=3.2)
    watch = await refused({"held": held}, flows=sockjs(new.port, "xhr-streaming"))
    recorder.keep("between-nginx-one-location-buffers", watch)


async def test_sockjs_falls_back_to_polling(start: Starter, recorder: Recorder) -> None:
    """No upgrade and no stream pass nginx; the session is well all the same."""
    server = start(SockJsNode, heartbeat_delay=2000)
    nginx = start(Nginx, server.port, rules=OLD_HTTP.format(host=LOOPBACK, port=server.port))
    async with probing("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="A", **sockjs(nginx.port, "auto", open_timeout=18))
        await seen(watch, "sockjs", "A", kind="o")
        await ask(watch, "send hello", "A")
        await seen(watch, "sockjs", "A", kind="a", dir="in")
        await seen(watch, "sockjs", "A", kind="h", count=2)
        assert await watch.finish() == 0
    assert watch.of("transport", "A")[-1]["name"] == "xhr-polling"
    recorder.keep("between-nginx-falls-back-to-polling", watch)


async def test_nginx_has_no_connections_left(start: Starter, recorder: Recorder) -> None:
    """Two sessions take what ``worker_connections`` there are; the third gets as far as nginx."""
    server = start(NodeWs)
    nginx = start(Edited, server.port, shutdown_timeout=60)
    nginx.edit(("worker_connections 64", "worker_connections 7"))
    async with probing("--stdin", **POSTMORTEM) as watch:
        names = iter("ABCDEF")
        while not watch.of("close"):
            name = next(names)
            await open_session(watch, name=name, **ws(nginx.port))
            await watch.until(lambda line, name=name: line["type"] in ("open", "close") and line["s"] == name)  # type: ignore[misc]
        assert await watch.finish() == 3
    assert answer(watch, name) == 500
    assert name == "C"
    recorder.keep("between-nginx-out-of-connections", watch)


async def test_nginx_takes_no_large_body(start: Starter, recorder: Recorder) -> None:
    """A SockJS message over HTTP is a request's body; over WebSocket nginx does not look at it."""
    server = start(SockJsNode, heartbeat_delay=25000)
    nginx = start(Nginx, server.port, rules="client_max_body_size 2k; proxy_buffering off;")

    async def strike(watch: Watch) -> None:
        for name in ("socket", "streams"):
            await ask(watch, "send-repeat word 1500", name)
        await seen(watch, "sockjs", "socket", kind="a", dir="in")

    tables = {"socket": sockjs(nginx.port, "websocket"), "streams": sockjs(nginx.port, "xhr-streaming")}
    watch = await staged(tables, "streams", strike=strike)
    assert 413 in [line["status"] for line in watch.of("http", "streams", dir="in")]
    recorder.keep("between-nginx-body-too-large", watch)


async def test_nginx_counts_polls(start: Starter, recorder: Recorder) -> None:
    """``limit_req``: a busy poller is refused in the middle of its session; one request is all a WebSocket needs."""
    server = start(SockJsNode, heartbeat_delay=25000)
    zone = "limit_req_zone $binary_remote_addr zone=polls:1m rate=60r/m;"
    nginx = start(Nginx, server.port, http=zone, rules="limit_req zone=polls burst=9 nodelay;")
    watch = await staged(
        {"socket": sockjs(nginx.port, "websocket"), "polls": sockjs(nginx.port, "xhr-polling", do=says(0.3, 6))},
        "polls",
    )
    assert 503 in [line["status"] for line in watch.of("http", "polls", dir="in")]
    recorder.keep("between-nginx-polls-too-often", watch)


async def test_haproxy_counts_connections(start: Starter, recorder: Recorder) -> None:
    server = start(NodeWs)
    rules = """stick-table type ip size 100 expire 30s store conn_cur
    http-request track-sc0 src
    http-request deny deny_status 429 if { sc_conn_cur(0) gt 2 }"""
    haproxy = start(HaProxy, server.port, rules=rules)
    watch = await refused({"third": ws(haproxy.port)}, first=ws(haproxy.port), second=ws(haproxy.port))
    assert answer(watch, "third") == 429
    recorder.keep("between-haproxy-429-third", watch)


async def test_haproxy_sends_to_https(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Who follows is let in over TLS."""
    server = start(NodeWs)
    secure = start(HaProxy, server.port, certificate=certificate)
    rules = f"http-request redirect prefix https://localhost:{secure.port} code 301"
    plain = start(HaProxy, server.port, rules=rules)
    follows = ws(plain.port, location=True, cacert=str(certificate.ca))
    watch = await refused({"stays": ws(plain.port)}, follows=follows)
    assert answer(watch, "stays") == 301
    recorder.keep("between-haproxy-redirects-to-https", watch)


async def test_nginx_sends_sockjs_to_https(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Its ``/info`` is what is sent there."""
    server = start(SockJsNode)
    nginx = start(Nginx, server.port, rules="location /echo { return 302 https://$host$request_uri; }")
    watch = await refused({"A": sockjs(nginx.port, "websocket")}, past=stomp(broker.stomp_port, "2000,2000"))
    recorder.keep("between-nginx-sockjs-sent-to-https", watch)


async def test_haproxy_forbids_an_address(start: Starter, recorder: Recorder) -> None:
    """Only the office may come in; SockJS hears of it at ``/info``."""
    server = start(SockJsNode)
    haproxy = start(HaProxy, server.port, rules="http-request deny unless { src 192.0.2.0/24 }")
    watch = await refused({"A": sockjs(haproxy.port, "xhr-polling"), "B": ws(haproxy.port, "/echo/websocket")})
    assert answer(watch, "B") == 403
    recorder.keep("between-haproxy-forbids-address", watch)


async def test_nginx_wants_a_login(start: Starter, recorder: Recorder) -> None:
    """``auth_basic``: nobody, anna with another's word, and anna."""
    server = start(NodeWs)
    nginx = start(Edited, server.port)
    users = nginx.file("users", "anna:{PLAIN}crew\n")
    nginx.edit(("location / {", f'location / {{ auth_basic "crew only"; auth_basic_user_file {users};'))
    anna = ws(nginx.port, user="anna:crew")
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, right=anna)
        await open_session(watch, name="nobody", **ws(nginx.port))
        await open_session(watch, name="wrong", **ws(nginx.port, user="anna:kruw"))
        for name in ("nobody", "wrong"):
            await seen(watch, "close", name)
        assert await watch.finish() == 3
    assert [answer(watch, name) for name in ("nobody", "wrong")] == [401, 401]
    recorder.keep("between-nginx-basic-auth", watch)


async def test_haproxy_wants_a_login(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """STOMP's own login does not help before the upgrade."""
    word = base64.b64encode(b"ops:tower").decode()
    haproxy = start(
        HaProxy, broker.port, rules=f'http-request auth realm ops unless {{ req.hdr(authorization) "Basic {word}" }}'
    )
    right = web_stomp(haproxy.port, "1500,1500", user="ops:tower")
    watch = await refused({"without": web_stomp(haproxy.port, "1500,1500")}, right=right)
    assert answer(watch, "without") == 401
    recorder.keep("between-haproxy-basic-auth-stomp", watch)


async def test_nobody_is_behind_it_yet(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """HAProxy was started before the server; who keeps trying is let in."""
    server = start(NodeWs)
    server.end()
    haproxy = start(HaProxy, server.port, certificate=certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="A", **wss(haproxy.port, certificate, reconnect=True))
        await seen(watch, "http", "A", dir="in", status=503)
        server.begin()
        await seen(watch, "open", "A")
        await ask(watch, "send hello", "A")
        await seen(watch, "frame", "A", dir="in", text="hello")
        await watch.finish()
    recorder.keep("between-haproxy-503-until-started", watch)
