"""TLS that two of a pair of sessions do not agree on: MQTT's broker, defaults of proxies, ciphers of another key."""

import asyncio
import datetime
from pathlib import Path

import pytest

from tests.servers import certificates
from tests.servers.apache import Apache
from tests.servers.between import Table, refused, says, ws, wss
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Tornado
from tests.servers.lesser import Varnish
from tests.servers.mosquitto import PING, Mosquitto, connect
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import StompBroker
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.traefik import Traefik

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"
MQTT: Table = {"subprotocol": ["mqtt"]}


def now() -> datetime.datetime:
    """The time of day."""
    return datetime.datetime.now(datetime.UTC)


def device(name: str) -> list[str]:
    """What a device says, as its ``do``."""
    return [f"0.4 send-binary {connect(name, 30)}", *says(1.1, 4, f"send-binary {PING}")]


async def test_a_sensor_was_not_told_of_tls(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Mosquitto's WebSocket listener got a certificate; one sensor still says ``ws:``, the other ``wss:``."""
    broker = start(Mosquitto, certificate=certificate)
    sealed = {"url": broker.url, "cacert": str(certificate.ca), "do": device("sensor-7")} | MQTT
    watch = await refused(
        {"sensor": ws(broker.port, "/mqtt", open_timeout=6.4, **MQTT)}, after=1.0, before=0.8, other=sealed
    )
    recorder.keep("kite-mosquitto-plain-to-its-tls", watch)


async def test_an_app_says_tls_to_varnish(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The TLS is in front of Varnish, and the app was given Varnish's own port; who says ``ws:`` there is let in."""
    server = start(Tornado)
    varnish = start(Varnish, server.port)
    watch = await refused(
        {"app": wss(varnish.port, certificate, open_timeout=5.2)}, after=0.8, before=1.0, inner=ws(varnish.port)
    )
    assert watch.the("end", "app")["phase"] == "tls"
    recorder.keep("kite-varnish-tls-not-spoken", watch)


async def test_a_broker_shows_fridays_certificate(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Mosquitto was not told to read the new files: its certificate ran out on Friday. A careless device is in."""
    ends = now() - datetime.timedelta(hours=61)
    old = certificates.issue(tmp_path, not_before=ends - datetime.timedelta(days=90), not_after=ends)
    broker = start(Mosquitto, certificate=old)
    base: Table = {"url": broker.url, "cacert": str(old.ca)} | MQTT
    watch = await refused({"panel": base}, after=1.2, before=0.6, lamp=base | {"insecure": True, "do": device("lamp")})
    assert watch.the("tls", "panel")["ok"] is False
    recorder.keep("kite-mosquitto-certificate-of-friday", watch)


async def test_a_certificate_of_another_time_zone(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """The machine that signs takes local time for UTC: what it signed begins in an hour. A twin goes past nginx."""
    begins = now() + datetime.timedelta(minutes=53)
    early = certificates.issue(tmp_path, not_before=begins, not_after=begins + datetime.timedelta(days=30))
    broker = start(StompBroker)
    nginx = start(Nginx, broker.port, certificate=early)
    desk: Table = {"url": f"stomp+wss://localhost:{nginx.port}/stomp", "cacert": str(early.ca), "heart_beat": "0,0"}
    watch = await refused(
        {"desk": desk}, after=0.9, before=0.9, past={"url": broker.url, "heart_beat": "0,0", "do": says(1.2, 4, ORDER)}
    )
    assert watch.the("tls", "desk")["ok"] is False
    recorder.keep("kite-nginx-certificate-of-in-an-hour", watch)


class Defaulted(Traefik):
    """Traefik whose router asks for TLS, and nobody gave it a certificate."""

    def _put(self) -> None:
        self._conf["routers"]["all"]["tls"] = {}
        super()._put()


async def test_traefik_has_a_certificate_of_its_own(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Its resolver got none, so Traefik shows its default one; the shop does not believe it, a script believes all."""
    server = start(NodeWs)
    traefik = start(Defaulted, server.port)
    base: Table = {"url": f"wss://localhost:{traefik.port}/"}
    watch = await refused(
        {"shop": base | {"cacert": str(certificate.ca)}},
        after=1.3,
        before=0.5,
        script=base | {"insecure": True, "do": says(0.9, 4)},
    )
    assert watch.the("tls", "shop")["ok"] is False
    recorder.keep("kite-traefik-default-certificate", watch)


async def test_the_name_without_www_is_not_in_it(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Envoy shows a certificate of ``www.shop.example``; a page goes to ``shop.example``."""
    shown = certificates.issue(tmp_path, "www.shop.example")
    server = start(SockJsNode, heartbeat_delay=1500)
    envoy = start(Envoy, server.port, certificate=shown)
    base: Table = {
        "cacert": str(shown.ca),
        "connect_to": f"{LOOPBACK}:{envoy.port}",
        "sockjs_transport": "xhr-polling",
    }
    watch = await refused(
        {"apex": base | {"url": "https://shop.example/echo"}},
        after=0.8,
        before=1.1,
        www=base | {"url": "https://www.shop.example/echo", "do": says(1.4, 4)},
    )
    assert watch.of("tls", "apex")[0]["ok"] is False
    recorder.keep("kite-envoy-www-left-out", watch)


async def test_a_spare_panel_has_no_certificate(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """``require_certificate true``: the panel on the wall has one, the spare from the cupboard has not."""
    ours = certificates.issue_client(tmp_path)
    broker = start(Mosquitto, certificate=certificate)
    conf = tmp_path / "server1" / "mosquitto.conf"
    await asyncio.to_thread(broker.end)
    conf.write_text(conf.read_text() + f"cafile {ours.ca}\nrequire_certificate true\n")
    await asyncio.to_thread(broker.begin)
    base: Table = {"url": broker.url, "cacert": str(certificate.ca)} | MQTT
    wall = base | {"cert": str(ours.chain), "key": str(ours.key), "do": device("wall")}
    watch = await refused({"spare": base}, after=1.1, before=0.7, wall=wall)
    recorder.keep("kite-mosquitto-wants-a-certificate", watch)


async def test_ciphers_of_the_key_of_before(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Apache's ciphers were chosen for an RSA key; the renewed certificate has an ECDSA one. A twin goes past it."""
    server = start(NodeWs)
    rules = (
        f"SSLEngine on\nSSLCertificateFile {certificate.chain}\nSSLCertificateKeyFile {certificate.key}\n"
        "SSLProtocol TLSv1.2\nSSLCipherSuite ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"
    )
    apache = start(Apache, server.port, modules=("ssl",), rules=rules)
    watch = await refused(
        {"page": wss(apache.port, certificate)}, after=0.9, before=0.8, past=ws(server.port, do=says(0.7, 3))
    )
    assert watch.of("tls", "page")[0]["ok"] is False
    recorder.keep("kite-apache-ciphers-of-rsa-certificate-of-ecdsa", watch)
