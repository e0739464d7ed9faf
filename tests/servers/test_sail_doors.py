"""Doors that do not open to one of two: names, certificates, origins, redirects, proxies, versions, maintenance."""

import datetime
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.probing import open_session, seen
from tests.servers import certificates
from tests.servers.ashore import begun, doors
from tests.servers.between import Table, answer, opened, refused, says, sockjs, stomps, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.forward import Login, Socks, Squid
from tests.servers.goapps import Melody
from tests.servers.house import echo, house
from tests.servers.joined import ANNA, GUEST
from tests.servers.jvm import Artemis, Tomcat, Undertow
from tests.servers.lesser import Nghttpx, Varnish
from tests.servers.lines import leave, over
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.node_apps import Rules
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import INSIDE, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import names
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

WANTS_LOGIN = """deny !all
auth_param basic program /usr/lib/squid/basic_fake_auth
auth_param basic realm Staff internet
acl staff proxy_auth REQUIRED
http_access allow staff
http_access deny"""


def past(directory: Path, hours: float) -> Certificate:
    """A certificate that ran out so many hours ago."""
    directory.mkdir()
    now = datetime.datetime.now(datetime.UTC)
    end = now - datetime.timedelta(hours=hours)
    return certificates.issue(directory, not_before=end - datetime.timedelta(days=90), not_after=end)


async def test_a_letter_too_many(start: Starter, recorder: Recorder) -> None:
    """A till is set up with a misspelt name of the broker, and tries three times; the other till beats."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        names(hosts, "timeout:2 attempts:1", mq__shop__example=SERVER)
        table: Table = {"heart_beat": "1700,1700"} | ANNA
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, till1={"url": f"stomp://mq.shop.example:{broker.port}"} | table)
            wrong = {"url": f"stomp://mq.shoop.example:{broker.port}", "reconnect": True}
            await open_session(watch, name="till2", **(wrong | table))
            await seen(watch, "close", "till2", count=3)
            await leave(watch, "till1", status=3)
    assert watch.of("end", "till2")[-1]["how"] == "dns"
    recorder.keep("sail-dns-letter-too-many-artemis", watch)


async def test_the_router_serves_no_names(recorder: Recorder) -> None:
    """Its name service has crashed: it says at once that nobody listens there; one who has the address is in."""
    with routed() as hosts:
        hosts.start_node()
        place = Path("/etc/netns") / hosts.client.name
        place.mkdir(parents=True, exist_ok=True)
        (place / "resolv.conf").write_text(f"nameserver {INSIDE}\noptions timeout:2 attempts:1\n")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, door={"url": f"ws://{SERVER}:8080/", "do": says(0.9, 5)})
            await open_session(watch, name="chat", url="ws://chat.ground.example:8080/room", open_timeout=9.0)
            await over(watch, "chat")
            await leave(watch, "door", status=3)
    assert watch.the("end", "chat")["how"] == "dns"
    recorder.keep("sail-dns-router-serves-no-names", watch)


async def test_a_certificate_nobody_renewed(
    broker: RabbitMq, certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """STOMP by Envoy whose certificate ran out three hours ago; by another Envoy, the same broker is reached."""
    old = past(tmp_path / "old", 3)
    stale, fresh = start(Envoy, broker.port, certificate=old), start(Envoy, broker.port, certificate=certificate)
    table = {"heart_beat": "2100,2100"} | GUEST
    tablet = {"url": f"stomp+wss://localhost:{stale.port}/ws", "cacert": str(old.ca)} | table
    desk = {"url": f"stomp+wss://localhost:{fresh.port}/ws", "cacert": str(certificate.ca)} | table
    watch = await refused({"tablet": tablet}, after=0.6, before=1.2, desk=desk)
    recorder.keep("sail-envoy-rabbitmq-certificate-of-this-morning", watch)


async def test_a_test_system_of_last_year(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """A SockJS page of a test system that was switched on again, by Caddy; its certificate is a year old."""
    old = past(tmp_path / "old", 9400)
    server = start(SockJsNode, heartbeat_delay=1500)
    caddy = start(Caddy, server.port, tls=f"{old.chain} {old.key}")
    plain = start(Caddy, server.port)
    page = sockjs(0, "xhr-streaming", url=f"https://localhost:{caddy.port}/echo", cacert=str(old.ca))
    watch = await refused({"page": page}, after=0.8, before=1.1, plain=sockjs(plain.port, "xhr-streaming"))
    recorder.keep("sail-caddy-sockjs-certificate-of-last-year", watch)


async def test_tls_of_2006(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A device speaks TLS 1.1 and nothing newer; the new device beside it does."""
    files = {"cert": str(certificate.chain), "key": str(certificate.key)}
    old, new = start(NodeEndings, tlsVersion="TLSv1.1", **files), start(NodeEndings, tlsVersion="TLSv1.2", **files)
    watch = await refused(
        {"old": wss(old.port, certificate)}, after=0.7, before=1.3, new=wss(new.port, certificate, do=says(0.8, 3))
    )
    assert watch.of("end", "old")
    recorder.keep("sail-node-device-of-tls-1-1", watch)


async def test_a_name_the_front_does_not_serve(
    certificate: Certificate, broker: RabbitMq, start: Starter, recorder: Recorder
) -> None:
    """nginx rejects the handshake for names it has no site for; the session by the right name beats."""
    reject = "ssl_reject_handshake on; } server { listen 127.0.0.1:LISTEN ssl; server_name localhost;"
    front = start(Sites, broker.port, certificate, reject)
    table = {"heart_beat": "1900,1900", "cacert": str(certificate.ca)} | GUEST
    url = f"stomp+wss://localhost:{front.port}/ws"
    wrong = table | {"url": url, "servername": "stomp.internal"}
    watch = await refused({"wrong": wrong}, after=0.9, before=1.0, right=table | {"url": url})
    recorder.keep("sail-nginx-rabbitmq-name-nobody-serves", watch)


class Sites(Nginx):
    """nginx with a default site that rejects every handshake, in front of the one that has a certificate."""

    def __init__(self, home: Path, backend: int, certificate: Certificate, reject: str) -> None:
        self._home = home
        super().__init__(home, backend, certificate=certificate)
        self.end()
        conf = home / "nginx.conf"
        keys = f"ssl_certificate {certificate.chain}; ssl_certificate_key {certificate.key};"
        text = conf.read_text()
        assert keys in text
        conf.write_text(text.replace(keys, reject.replace("LISTEN", str(self.port)) + keys))
        self.begin()


async def test_an_app_in_a_frame(start: Starter, recorder: Recorder) -> None:
    """A partner shows the page in a frame of its own site, whose origin Tomcat does not know; by Nghttpx."""
    server = start(Tomcat, origin="https://app.ground.example")
    way = start(Nghttpx, server.port)
    right = ws(way.port, "/live?user=a", origin="https://app.ground.example", do=says(0.9, 4))
    framed = ws(way.port, "/live?user=b", origin="https://partner.example")
    watch = await refused({"framed": framed}, after=1.1, before=0.9, own=right)
    assert answer(watch, "framed") == 403
    recorder.keep("sail-nghttpx-tomcat-origin-of-a-partner", watch)


async def test_a_slash_is_missing(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """nginx sends ``/live`` to ``/live/``, as a site of pages does; the other client has the slash."""
    nginx = start(
        Nginx,
        broker.port,
        certificate=certificate,
        rules="location = /live { return 301 /live/; } location /live/ { rewrite .* /ws break; "
        f"proxy_pass http://127.0.0.1:{broker.port}; proxy_http_version 1.1; "
        "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }",
    )
    base = web_stomp(0, "2300,2300", cacert=str(certificate.ca))
    url = f"stomp+wss://localhost:{nginx.port}/live"
    watch = await refused({"without": base | {"url": url}}, after=0.6, before=1.4, slash=base | {"url": url + "/"})
    assert answer(watch, "without") == 301
    recorder.keep("sail-nginx-rabbitmq-slash-301", watch)


async def test_staff_must_log_in_at_squid(start: Starter, recorder: Recorder) -> None:
    """A kiosk by Squid that wants a login, which the kiosk was never given; the desk has one."""
    server = start(Undertow)
    squid = start(Squid, access=WANTS_LOGIN)
    desk = ws(server.port, "/live?user=desk", proxy=f"http://anna:crew@{LOOPBACK}:{squid.port}", do=says(0.9, 4))
    kiosk = ws(server.port, "/live?user=kiosk", proxy=f"http://{LOOPBACK}:{squid.port}")
    watch = await refused({"kiosk": kiosk}, after=1.0, before=1.2, desk=desk)
    assert 407 in {line.get("status") for line in watch.of("http", "kiosk", dir="in")} | {
        line.get("status") for line in watch.of("proxy", "kiosk")
    }
    recorder.keep("sail-squid-kiosk-without-login", watch)


async def test_the_password_of_the_socks_proxy_was_changed(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A job knows last month's password of microsocks, and tries again; a job that knows this month's beats."""
    way = start(Socks, Login("jobs", "november"))
    base = stomps(0, "1800,1800", certificate, url=broker.tls_url)
    old = base | {"proxy": f"socks5://jobs:october@{LOOPBACK}:{way.port}", "reconnect": True}
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, new=base | {"proxy": f"socks5://jobs:november@{LOOPBACK}:{way.port}"})
        await open_session(watch, name="old", **old)
        await seen(watch, "close", "old", count=3)
        await leave(watch, "new", status=3)
    assert not watch.of("open", "old") and not watch.of("stomp", "old")
    recorder.keep("sail-microsocks-rabbitmq-password-of-october", watch)


async def test_varnish_passes_no_upgrade(start: Starter, recorder: Recorder) -> None:
    """A cache was put in front of a Go program and knows nothing of upgrades; who goes past it is in."""
    server = start(Melody)
    varnish = start(Varnish, server.port, upgrades=False)
    watch = await refused(
        {"cached": ws(varnish.port, "/ws")}, after=0.8, before=1.2, past=ws(server.port, "/ws", do=says(0.8, 4))
    )
    assert answer(watch, "cached") in (400, 426)
    recorder.keep("sail-varnish-melody-no-upgrade", watch)


async def test_a_migration_is_under_way(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The program lets nobody in until its migration is done, and says so by 503; who is in stays in."""

    closed: list[bool] = []

    def door(client: ServerConnection, _: Request) -> Response | None:
        if not closed:
            return None
        response = client.respond(HTTPStatus.SERVICE_UNAVAILABLE, '{"error":"maintenance","until":"04:00Z"}\n')
        response.headers["Retry-After"] = "900"
        return response

    async with house(echo, process_request=door) as app:
        nginx = start(Nginx, app.port, certificate=certificate)
        url = f"wss://localhost:{nginx.port}/?user="
        table = {"cacert": str(certificate.ca)}
        async with watching("--stdin", **POSTMORTEM) as watch:
            await opened(watch, early=table | {"url": url + "early", "do": says(0.8, 6)})
            closed.append(True)
            await open_session(watch, name="late", **(table | {"url": url + "late", "reconnect": True}))
            await seen(watch, "close", "late", count=2)
            await leave(watch, "early", status=3)
    assert {line["status"] for line in watch.of("http", "late", dir="in")} == {503}
    recorder.keep("sail-nginx-python-migration-503", watch)


async def test_a_page_says_it_sleeps(start: Starter, recorder: Recorder) -> None:
    """A program in Node says 503 for one of its rooms over night; the other room is open."""
    note = {"status": 503, "headers": {"Retry-After": "21600"}, "body": "The trading floor is closed for maintenance"}
    server, other = start(Rules, only={"/floor": note}), start(NodeWs)
    watch = await refused(
        {"floor": ws(server.port, "/floor")},
        after=0.7,
        before=0.8,
        lobby=ws(server.port, "/lobby?user=l", do=says(0.9, 4)),
        elsewhere=ws(other.port, do=says(1.1, 4)),
    )
    assert answer(watch, "floor") == 503
    recorder.keep("sail-node-floor-is-closed-503", watch)
