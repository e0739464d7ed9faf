"""Doors that HTTP, TLS or a handshake keep shut: too much said, the wrong word, nobody there, a name of another."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.probing import open_session, probing
from tests.servers import certificates
from tests.servers.activemq import ActiveMq
from tests.servers.between import Table, answer, opened, refused, says, sockjs, stomp, stomps, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.forward import Connect, Socks
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.lesser import Hitch, Nghttpx, Rinetd, Varnish
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import GraphqlWs, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.socat import Socat
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.traefik import Traefik
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def secure(port: int, certificate: Certificate, **options: object) -> Table:
    """A SockJS session over https that trusts this certificate."""
    return {"url": f"https://localhost:{port}/echo", "cacert": str(certificate.ca)} | options


async def refused_late(name: str, table: Table, /, **well: Table) -> Watch:
    """Sessions that are let in, and one whose socket opens and is closed at once."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **well)
        await asyncio.sleep(0.8)
        await open_session(watch, name=name, **table)
        await looked(watch, name, stage="tls")
        await asyncio.sleep(1.2)
        await leave(watch, *well)
    return watch


async def test_only_the_office_is_on_traefiks_list(start: Starter, recorder: Recorder) -> None:
    """``ipAllowList`` knows the office's range, and somebody works from home; who goes past it talks on."""
    server = start(NodeWs)
    listed = {"ipAllowList": {"sourceRange": ["203.0.113.0/24"]}}
    traefik = start(Traefik, server.port, middleware=listed)
    watch = await refused(
        {"home": ws(traefik.port, "/live")},
        after=1.2,
        before=1.1,
        office=ws(server.port, "/live", do=says(0.9, 4)),
    )
    assert answer(watch, "home") == 403
    recorder.keep("lamp-traefik-ip-allow-list-403", watch)


async def test_a_rule_against_robots(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Varnish answers 403 to whoever sends no Accept-Language, as scripts do; a browser sends one and beats."""
    rule = 'if (!req.http.Accept-Language) { return (synth(403, "Automated access is not allowed")); }'
    varnish = start(Varnish, broker.port, rules=rule)
    browser = web_stomp(varnish.port, "1800,1800", header=["Accept-Language: de-DE,de;q=0.9"])
    watch = await refused({"script": web_stomp(varnish.port, "1800,1800")}, after=0.8, before=1.9, browser=browser)
    assert answer(watch, "script") == 403
    recorder.keep("lamp-varnish-waf-stomp-403", watch)


async def test_cookies_of_a_year(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Node takes 16 kB of headers; a browser has collected 19 kB of cookies, one in private mode none. By hitch."""
    server = start(SockJsNode, heartbeat_delay=1700)
    hitch = start(Hitch, server.port, certificate)
    cookies = [f"seen_{n}={'a7' * 470}" for n in range(20)]
    page = secure(hitch.port, certificate, sockjs_transport="xhr-streaming")
    watch = await refused({"old": page | {"cookie": cookies}}, after=0.7, before=1.5, private=page)
    assert 431 in {line["status"] for line in watch.of("http", "old", dir="in")}
    recorder.keep("lamp-hitch-sockjs-cookies-431", watch)


async def test_a_token_of_all_roles(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Envoy takes 8 kB of headers here; the boss has every role there is in her token, a clerk has two."""
    envoy = start(Envoy, broker.port, manager={"max_request_headers_kb": 8})
    token = "eyJhbGciOiJSUzI1NiJ9." + "cm9sZXM" * 1400
    base = web_stomp(envoy.port, "2100,2100")
    watch = await refused(
        {"boss": base | {"header": [f"Authorization: Bearer {token}"]}},
        before=1.6,
        clerk=base | {"header": [f"Authorization: Bearer {token[:180]}"]},
    )
    assert answer(watch, "boss") == 431
    recorder.keep("lamp-envoy-stomp-token-431", watch)


async def test_haproxy_says_that_it_deflates(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A line of its configuration promises permessage-deflate to everybody, also to a page that did not ask."""
    server = start(NodeWs)
    rules = "http-response set-header Sec-WebSocket-Extensions permessage-deflate if { status 101 }"
    haproxy = start(HaProxy, server.port, certificate=certificate, rules=rules)
    watch = await refused(
        {"page": wss(haproxy.port, certificate, no_compression=True)},
        after=1.0,
        before=1.3,
        past=ws(server.port, no_compression=True, do=says(0.8, 4)),
    )
    assert answer(watch, "page") == 101
    recorder.keep("lamp-haproxy-extension-nobody-asked", watch)


def without_accept(connection: Connection) -> None:
    """A camera whose firmware knows the drafts of RFC 6455 alone: no word about the key."""
    connection.read_request()
    connection.send(b"HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n")
    connection.hold()


async def test_an_old_camera(start: Starter, recorder: Recorder) -> None:
    """Its 101 has no Sec-WebSocket-Accept; it is reached by socat, as is a server that is well by another."""
    other = start(NodeWs)
    with ScriptedServer(without_accept) as camera:
        way, beside = start(Socat, camera.port), start(Socat, other.port)
        watch = await refused(
            {"viewer": ws(way.port, "/live.h264")}, after=0.6, before=1.7, beside=ws(beside.port, do=says(0.9, 4))
        )
    assert answer(watch, "viewer") == 101
    recorder.keep("lamp-socat-camera-101-without-accept", watch)


async def test_a_client_of_the_old_chat(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The server speaks ``chat.v2`` alone since the release and says 1008 to an app nobody updated; Caddy's TLS."""
    server = start(Coder, Subprotocols=["chat.v2"])
    caddy = start(Caddy, server.port, tls=f"{certificate.chain} {certificate.key}")
    base = wss(caddy.port, certificate) | {"url": f"wss://localhost:{caddy.port}/ws"}
    watch = await refused_late(
        "old", base | {"subprotocol": ["chat.v1"]}, new=base | {"subprotocol": ["chat.v2"], "do": says(0.9, 5)}
    )
    assert watch.the("close", "old")["received"]["code"] == 1008
    recorder.keep("lamp-caddy-coder-old-chat-protocol-1008", watch)


async def test_a_library_of_graphql_that_is_old(start: Starter, recorder: Recorder) -> None:
    """It offers ``graphql-ws``, the protocol of subscriptions-transport-ws; the server takes the new one alone."""
    server = start(GraphqlWs, keepAlive=2000)
    way = start(Nghttpx, server.port)
    init = "0.2 send " + json.dumps({"type": "connection_init"})
    watch = await refused_late(
        "legacy",
        ws(way.port, subprotocol=["graphql-ws"], do=[init]),
        new=ws(way.port, subprotocol=["graphql-transport-ws"], do=[init]),
    )
    recorder.keep("lamp-nghttpx-graphql-old-protocol", watch)


async def test_two_digits_changed_places(broker: RabbitMq, recorder: Recorder) -> None:
    """A till was told another port than the broker's; the one beside it has it right, and both name the host."""
    (wrong,) = free_ports(1)
    watch = await refused(
        {"till": stomp(wrong, "2000,2000")},
        after=1.4,
        before=1.2,
        beside=stomp(broker.stomp_port, "1900,1900", do=says(1.2, 4, "stomp-send /queue/sold 1")),
    )
    assert watch.the("end", "till")["how"] == "refused"
    recorder.keep("lamp-stomp-port-typed-wrong", watch)


async def test_nobody_listens_behind_socks(start: Starter, recorder: Recorder) -> None:
    """microsocks tells that a board's server refused it: its unit failed at boot. Another one is reached."""
    other = start(NodeWs)
    down = start(SockJsNode)
    down.stop()
    socks = start(Socks)
    way: Table = {"proxy": f"socks5://{LOOPBACK}:{socks.port}"}
    watch = await refused(
        {"board": ws(down.port, "/board", **way)}, after=0.9, before=1.5, other=ws(other.port, do=says(0.7, 4), **way)
    )
    recorder.keep("lamp-socks-nobody-listens", watch)


async def test_https_to_a_plain_port_by_a_proxy(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The page moved to https and its socket with it; the port of the old days does not. By CONNECT; http is well."""
    server = start(SockJsNode, heartbeat_delay=1800)
    proxy = start(Connect)
    way: Table = {"proxy": f"http://{LOOPBACK}:{proxy.port}"}
    watch = await refused(
        {"page": secure(server.port, certificate, sockjs_transport="xhr-polling", **way)},
        after=0.9,
        before=1.4,
        plain=sockjs(server.port, "websocket", do=says(0.9, 4), **way),
    )
    recorder.keep("lamp-tinyproxy-https-to-plain-sockjs", watch)


async def test_stomps_to_a_plain_port(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A till is to encrypt from today, and rinetd still leads to the plain port; the old till beats on."""
    way = start(Rinetd, activemq.port)
    watch = await refused(
        {"till": stomps(way.port, "2500,2500", certificate, CREW)},
        after=1.1,
        before=1.0,
        old=stomp(way.port, "1700,1700", CREW),
    )
    recorder.keep("lamp-rinetd-stomps-to-plain-activemq", watch)


async def test_a_wildcard_is_one_level(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """``*.ground.example`` is good for ``live.ground.example`` and not for ``live.eu.ground.example``; nginx."""
    shown = certificates.issue(tmp_path, "*.ground.example")
    server = start(NodeWs)
    nginx = start(Nginx, server.port, certificate=shown)
    base = wss(nginx.port, shown) | {"connect_to": f"{LOOPBACK}:{nginx.port}"}
    watch = await refused(
        {"eu": base | {"url": "wss://live.eu.ground.example/"}},
        after=0.5,
        before=1.6,
        all=base | {"url": "wss://live.ground.example/", "do": says(0.9, 4)},
    )
    assert watch.of("tls", "eu")[0]["ok"] is False
    recorder.keep("lamp-nginx-wss-wildcard-one-level", watch)


async def test_a_broker_is_asked_by_its_address(
    tmp_path: Path, broker: RabbitMq, start: Starter, recorder: Recorder
) -> None:
    """The name did not resolve, so somebody wrote the address; the certificate of stunnel has but the name."""
    shown = certificates.issue(tmp_path, "localhost")
    stunnel = start(Stunnel, broker.stomp_port, shown)
    base = stomps(stunnel.port, "2200,2200", shown)
    watch = await refused(
        {"till": base | {"url": f"stomps://{LOOPBACK}:{stunnel.port}"}}, after=1.3, before=1.4, named=base
    )
    assert watch.of("tls", "till")[0]["ok"] is False
    recorder.keep("lamp-stunnel-stomps-by-address", watch)
