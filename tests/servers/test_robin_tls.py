"""TLS that one of two does not get through: certificates out of date, of others, too weak; none shown; none spoken."""

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.probing import probing
from tests.servers import certificates
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Hypercorn
from tests.servers.between import TCP, Table, answer, refused, says, stomp, stomps, ws, wss
from tests.servers.golang import Centrifuge, Coder, Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.joined import ANNA, CREW
from tests.servers.jvm import Artemis
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.rustapps import Axum
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_kite_hands import turned_away
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"
COIL: Table = CREW | {"stomp_version": "1.0,1.1", "do": says(1.1, 4, ORDER)}


def at(**ago: float) -> datetime.datetime:
    """A time so long ago."""
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(**ago)


def old_style(place: Path, name: str, *, bits: int, alternative: str) -> Certificate:
    """A certificate that signed itself, its key of so many bits; ``alternative`` is the name that is read."""
    key = rsa.generate_private_key(65537, bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at(days=900))
        .not_valid_after(at(days=-900))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(alternative)]), critical=False)
    )
    found = Certificate(place / "own.pem", place / "own-key.pem", place / "own.pem")
    found.chain.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    found.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    return found


def mod_ssl(certificate: Certificate, *lines: str) -> str:
    """Apache's lines for TLS."""
    files = f"SSLCertificateFile {certificate.chain}\nSSLCertificateKeyFile {certificate.key}"
    return "\n".join(("SSLEngine on", files, *lines))


async def test_a_renewal_was_forgotten(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Apache's certificate ran out four minutes ago; news by another port are read on."""
    old = certificates.issue(tmp_path, not_before=at(days=90), not_after=at(minutes=4))
    server = start(Centrifuge)
    apache = start(Apache, server.port, modules=("ssl",), rules=mod_ssl(old))
    news = wss(apache.port, old) | {"url": f"wss://localhost:{apache.port}/ws"}
    watch = await refused(
        {"news": news},
        after=0.9,
        before=0.8,
        inner=ws(server.port, "/ws", do=['0.5 send {"id":1,"connect":{"token":"anna"}}']),
    )
    assert watch.of("tls", "news")[0]["ok"] is False
    recorder.keep("robin-cert-expired-apache-centrifuge", watch)


async def test_a_broker_shows_last_years(artemis: Artemis, tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """HAProxy has the certificate of last year in front of Artemis; a job that looks at none is let in."""
    old = certificates.issue(tmp_path, not_before=at(days=760), not_after=at(days=29))
    haproxy = start(HaProxy, artemis.port, options=TCP, certificate=old)
    job = stomps(haproxy.port, "0,0", old, ANNA)
    watch = await refused(
        {"job": job}, after=1.2, before=0.6, careless=job | {"insecure": True, "do": says(1.0, 4, ORDER)}
    )
    recorder.keep("robin-cert-expired-haproxy-artemis-stomps", watch)


async def test_the_clock_of_a_board_is_early(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """A certificate from tomorrow on was put in place today; a board believes Hypercorn not yet, a twin looks not."""
    early = certificates.issue(tmp_path, not_before=at(hours=-19), not_after=at(days=-91))
    hypercorn = start(Hypercorn, certfile=str(early.chain), keyfile=str(early.key))  # type: ignore[arg-type]
    board: Table = {"url": f"wss://localhost:{hypercorn.port}/", "cacert": str(early.ca)}
    watch = await refused({"board": board}, after=0.8, before=1.0, twin=board | {"insecure": True, "do": says(0.9, 4)})
    assert watch.of("tls", "board")[0]["ok"] is False
    recorder.keep("robin-cert-not-yet-hypercorn-clock-of-a-board", watch)


async def test_the_house_has_a_new_authority(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """The certificates come from a new authority since the night; one till still trusts the old one alone."""
    new = certificates.issue(tmp_path)
    broker = start(CoilMq)
    haproxy = start(HaProxy, broker.port, options=TCP, certificate=new)
    watch = await refused(
        {"till": stomps(haproxy.port, "0,0", certificate, CREW)},
        after=1.0,
        before=0.7,
        desk=stomps(haproxy.port, "0,0", new, COIL),
    )
    assert watch.of("tls", "till")[0]["ok"] is False
    recorder.keep("robin-cert-authority-was-changed-haproxy-coilmq", watch)


async def test_a_printer_has_a_short_key(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """A printer made its RSA key of 1024 bits itself, long ago; nobody's TLS takes it any more but who looks not."""
    weak = old_style(tmp_path, "localhost", bits=1024, alternative="localhost")
    server = start(NodeWs)
    nginx = start(Nginx, server.port, certificate=weak, rules="ssl_ciphers DEFAULT@SECLEVEL=0;")
    watch = await refused({"printer": wss(nginx.port, weak)}, after=0.9, before=0.6, past=ws(server.port))
    assert watch.of("tls", "printer")[0]["ok"] is False
    recorder.keep("robin-cert-key-of-1024-bits", watch)


async def test_a_new_name_where_nobody_reads_it(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """A script has the new common name and still the alternative name of before; who looks at none is let in."""
    named = old_style(tmp_path, "localhost", bits=2048, alternative="mq-old.depot.example")
    server = start(Coder)
    stunnel = start(Stunnel, server.port, named)
    app = wss(stunnel.port, named) | {"url": f"wss://localhost:{stunnel.port}/ws"}
    watch = await refused({"app": app}, after=1.1, before=0.8, careless=app | {"insecure": True, "do": says(0.8, 4)})
    assert watch.of("tls", "app")[0]["ok"] is False
    recorder.keep("robin-cert-common-name-new-alternative-old", watch)


async def test_nginx_shows_its_first_site(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """A name was pointed at nginx before it has a site there: the first one's certificate is shown to a page."""
    shown = certificates.issue(tmp_path, "forum.club.example", "www.club.example")
    server = start(SockJsNode, heartbeat_delay=1500)
    nginx = start(Nginx, server.port, certificate=shown)
    way: Table = {"cacert": str(shown.ca), "connect_to": f"{LOOPBACK}:{nginx.port}"}
    watch = await refused(
        {"page": {"url": "https://live.club.example/echo", "sockjs_transport": "xhr-streaming"} | way},
        after=0.9,
        before=0.9,
        forum={"url": "https://forum.club.example/echo", "sockjs_transport": "websocket", "do": says(1.2, 4)} | way,
    )
    assert watch.of("tls", "page")[0]["ok"] is False
    recorder.keep("robin-cert-of-the-first-site-nginx-sockjs", watch)


async def test_an_agent_shows_no_certificate(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """``SSLVerifyClient require`` by TLS 1.3: Apache takes the hand and then says that a certificate lacks."""
    ours = certificates.issue_client(tmp_path)
    server = start(Coder)
    asks = mod_ssl(certificate, "SSLVerifyClient require", f"SSLCACertificateFile {ours.ca}")
    apache = start(Apache, server.port, modules=("ssl",), rules=asks)
    agent = wss(apache.port, certificate) | {"url": f"wss://localhost:{apache.port}/ws"}
    other = agent | {"cert": str(ours.chain), "key": str(ours.key), "do": says(1.0, 4)}
    watch = await refused({"agent": agent}, after=1.3, before=0.5, other=other)
    recorder.keep("robin-client-cert-left-out-apache-coder", watch)


async def test_a_certificate_of_another_authority(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """A job shows the certificate it has from staging's authority; stunnel in front of CoilMQ knows live's alone."""
    places = [tmp_path / "live", tmp_path / "staging"]
    for place in places:
        place.mkdir()
    live, staging = map(certificates.issue_client, places)
    broker = start(CoilMq)
    stunnel = start(Stunnel, broker.port, certificate, client_ca=live.ca)
    base = stomps(stunnel.port, "0,0", certificate, CREW)
    async with probing("--stdin", **POSTMORTEM) as watch:
        right = {"right": base | COIL | {"cert": str(live.chain), "key": str(live.key)}}
        job = base | {"cert": str(staging.chain), "key": str(staging.key)}
        await turned_away(watch, {"job": job}, right)
    recorder.keep("robin-client-cert-of-another-authority-stunnel-coilmq", watch)


async def test_haproxy_knows_no_such_name(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """HAProxy passes TLS by its name and has a backend for one name; another is cut in its ClientHello."""
    server = start(Gorilla, Cert=str(certificate.chain), Key=str(certificate.key))
    rules = "tcp-request inspect-delay 3s\n    tcp-request content reject unless { req.ssl_sni -i localhost }"
    haproxy = start(HaProxy, server.port, options=TCP, rules=rules)
    base = wss(haproxy.port, certificate) | {"url": f"wss://localhost:{haproxy.port}/ws"}
    watch = await refused(
        {"app": base | {"servername": "beta.shop.example"}}, after=0.8, before=0.9, page=base | {"do": says(1.0, 4)}
    )
    recorder.keep("robin-tls-haproxy-drops-a-name-it-does-not-know", watch)


async def test_a_page_says_ws_to_go(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Go's server speaks TLS itself; a page that was saved on disk builds its address with ``ws:``."""
    server = start(Gorilla, Cert=str(certificate.chain), Key=str(certificate.key))
    other = wss(server.port, certificate) | {"url": server.tls_url, "do": says(0.9, 4)}
    watch = await refused({"page": ws(server.port, "/ws")}, after=1.0, before=0.8, other=other)
    assert answer(watch, "page") == 400
    recorder.keep("robin-tls-expected-gorilla", watch)


async def test_a_job_says_stomp_to_a_tls_port(
    certificate: Certificate, artemis: Artemis, start: Starter, recorder: Recorder
) -> None:
    """HAProxy got TLS in front of Artemis; a job still says plain CONNECT to it. Another says it in TLS."""
    haproxy = start(HaProxy, artemis.port, options=TCP, certificate=certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        right = {"right": stomps(haproxy.port, "0,0", certificate, ANNA, do=says(1.1, 4, ORDER))}
        await turned_away(watch, {"job": stomp(haproxy.port, "0,0", ANNA, open_timeout=5.2)}, right)
    recorder.keep("robin-tls-expected-stomp-to-haproxy-of-artemis", watch)


async def test_an_app_says_tls_to_axum(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Somebody turned every ``ws:`` into ``wss:``, that of the machine itself too; who still says ``ws:`` is in."""
    server = start(Axum)
    watch = await refused(
        {"app": wss(server.port, certificate, open_timeout=5.0)},
        after=0.9,
        before=0.9,
        inner=ws(server.port, "/ws", do=says(1.1, 4)),
    )
    assert watch.the("end", "app")["phase"] == "tls"
    recorder.keep("robin-tls-not-spoken-axum", watch)


async def test_a_job_says_tls_to_activemq(certificate: Certificate, activemq: ActiveMq, recorder: Recorder) -> None:
    """61612 and 61613 were mixed up: a job says TLS to the port of plain STOMP. One session, alone."""
    watch = await refused({"A": stomps(activemq.port, "0,0", certificate, CREW, open_timeout=4.6)})
    assert watch.the("end", "A")["phase"] == "tls"
    recorder.keep("robin-tls-not-spoken-stomps-to-activemq", watch)
