"""Gates that let nobody in: proxies that hold back, strip, redirect, count or wait in vain, and servers that say so."""

import pytest

from tests.probing import ask
from tests.servers.apache import Apache
from tests.servers.between import Table, answer, refused, says, sockjs, staged, web_stomp, ws, wss
from tests.servers.frameworks import Tornado
from tests.servers.frozen import frozen
from tests.servers.lesser import Lighttpd
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python import PythonEndings
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.traefik import Traefik
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

BALANCED = """<Proxy "balancer://pool">
{members}
</Proxy>
ProxyPass /echo balancer://pool/echo"""
"""Apache's lines for servers that take turns."""


def secure(port: int, transport: str, certificate: Certificate, **options: object) -> Table:
    """A SockJS session over TLS."""
    url = f"https://localhost:{port}/echo"
    return sockjs(port, transport, **options) | {"url": url, "cacert": str(certificate.ca)}


async def test_traefik_buffers(start: Starter, recorder: Recorder) -> None:
    """A middleware of that name takes a whole response in; who polls is well."""
    server = start(SockJsNode, heartbeat_delay=1400)
    limits = {"maxResponseBodyBytes": 2000000, "memResponseBodyBytes": 2000000}
    traefik = start(Traefik, server.port, middleware={"buffering": limits})
    tables = {"stream": sockjs(traefik.port, "xhr-streaming", open_timeout=4.7)}
    watch = await refused(tables, polls=sockjs(traefik.port, "xhr-polling"))
    recorder.keep("programs-traefik-sockjs-buffering", watch)


async def test_apache_passes_no_upgrade_to_tornado(start: Starter, recorder: Recorder) -> None:
    """Tornado's word for a plain GET; straight to it all is well."""
    server = start(Tornado)
    apache = start(Apache, server.port, upgrades=False)
    watch = await refused({"through": ws(apache.port)}, after=0.9, straight=ws(server.port, do=says(0.7, 2)))
    assert answer(watch, "through") == 400
    recorder.keep("programs-apache-tornado-upgrade-lost", watch)


async def test_nginx_has_a_limit_and_its_stock_status(start: Starter, recorder: Recorder) -> None:
    """``limit_req`` says 503 unless told otherwise: to the third that comes within a second."""
    server = start(NodeWs)
    zone = "limit_req_zone $binary_remote_addr zone=doors:1m rate=30r/m;"
    nginx = start(Nginx, server.port, http=zone, rules="limit_req zone=doors burst=1 nodelay;")
    watch = await refused(
        {"third": ws(nginx.port)},
        after=0.3,
        before=1.2,
        first=ws(nginx.port, do=says(0.8, 3)),
        second=ws(nginx.port, do=says(0.55, 3)),
    )
    assert answer(watch, "third") == 503
    recorder.keep("programs-nginx-limit-req-503", watch)


async def test_apache_sends_to_a_login(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """302 to the page where people sign in; one alone."""
    rules = 'ProxyPass /ws !\nRedirectMatch 302 "^/ws" "https://sso.ground.example/login?next=/ws"'
    apache = start(Apache, broker.port, modules=("alias",), rules=rules)
    watch = await refused({"A": web_stomp(apache.port, "3000,3000")})
    assert answer(watch, "A") == 302
    recorder.keep("programs-apache-302-sso", watch)


async def test_a_path_is_closed_for_a_while(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The program says 503 and when to come back, behind stunnel; its other path is open."""
    server = start(PythonEndings, ping_interval=None, answers={"/export": [503, {"Retry-After": "40"}]})
    stunnel = start(Stunnel, server.port, certificate)
    closed = wss(stunnel.port, certificate) | {"url": f"wss://localhost:{stunnel.port}/export"}
    watch = await refused(
        {"export": closed}, after=1.1, before=0.5, chat=wss(stunnel.port, certificate, do=says(0.6, 3))
    )
    assert answer(watch, "export") == 503
    recorder.keep("programs-stunnel-python-503-path", watch)


async def test_apache_deals_polls_out(start: Starter, recorder: Recorder) -> None:
    """``byrequests`` over two servers; one who polls, alone."""
    servers = [start(SockJsTornado, heartbeat_delay=1.8) for _ in range(2)]
    members = "\n".join(f"BalancerMember http://{LOOPBACK}:{server.port} upgrade=websocket" for server in servers)
    modules = ("proxy_balancer", "lbmethod_byrequests", "slotmem_shm")
    apache = start(Apache, servers[0].port, modules=modules, rules=BALANCED.format(members=members))

    async def strike(watch: Watch) -> None:
        for words in ("send hello", "send hello again"):
            if not watch.of("close", "A"):
                await ask(watch, words, "A")

    watch = await staged({"A": sockjs(apache.port, "xhr-polling")}, "A", strike=strike)
    recorder.keep("programs-apache-tornados-not-sticky", watch)


async def test_nobody_is_behind_lighttpd_for_sockjs(start: Starter, recorder: Recorder) -> None:
    """Its ``/info`` is answered 503; another server is well."""
    (nobody,) = free_ports(1)
    lighttpd, other = start(Lighttpd, nobody), start(SockJsTornado, heartbeat_delay=2.1)
    watch = await refused(
        {"socket": sockjs(lighttpd.port, "websocket")},
        after=0.4,
        elsewhere=sockjs(other.port, "websocket", do=says(0.9, 3)),
    )
    assert answer(watch, "socket") == 503
    recorder.keep("programs-lighttpd-sockjs-503", watch)


async def test_nginx_waits_in_vain_for_sockjs(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """For 3.3 s, over TLS; what another location leads to is well."""
    held, well = start(SockJsTornado), start(NodeWs)
    rules = f"location /echo {{ proxy_pass http://{LOOPBACK}:{held.port}; proxy_read_timeout 3300ms; }}"
    nginx = start(Nginx, well.port, certificate=certificate, rules=rules)
    with frozen(held.pid):
        tables = {"polls": secure(nginx.port, "xhr-polling", certificate)}
        watch = await refused(tables, chat=wss(nginx.port, certificate, do=says(1.1, 4)))
    assert answer(watch, "polls") == 504
    recorder.keep("programs-nginx-sockjs-504", watch)


async def test_tornado_has_its_websocket_off_behind_nginx(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """One alone, over TLS."""
    server = start(SockJsTornado, disabled_transports=["websocket"])
    nginx = start(Nginx, server.port, certificate=certificate)
    watch = await refused({"A": secure(nginx.port, "websocket", certificate, open_timeout=6)})
    recorder.keep("programs-nginx-tornado-websocket-off", watch)
