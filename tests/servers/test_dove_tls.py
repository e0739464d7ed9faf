"""TLS that is not agreed on: certificates too old, too new, of strangers, of other names; none shown; none spoken."""

from pathlib import Path

import pytest
import trustme

from tests.probing import probing
from tests.servers import certificates
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Hypercorn
from tests.servers.between import Edited, Table, refused, says, sockjs, stomp, stomps, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.goapps import Gobwas, Melody
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW, GUEST
from tests.servers.lesser import Hitch
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import StompBroker
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python_apps import CoilMq, SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_kite_hands import turned_away
from tests.servers.test_robin_tls import at, mod_ssl
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"


async def test_two_meet_an_old_certificate(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Caddy was given files by hand and nobody renewed them: out of date since eleven days. A careless script is in."""
    old = certificates.issue(tmp_path, not_before=at(days=101), not_after=at(days=11))
    server = start(Melody)
    caddy = start(Caddy, server.port, tls=f"{old.chain} {old.key}")
    page = wss(caddy.port, old) | {"url": f"wss://localhost:{caddy.port}/ws"}
    two = {"anna": page, "bert": page}
    watch = await refused(two, after=1.0, before=0.7, script=page | {"insecure": True, "do": says(1.1, 4)})
    assert watch.of("tls", "anna")[0]["ok"] is False
    recorder.keep("dove-cert-expired-caddy-melody-two", watch)


async def test_a_certificate_ran_out_overnight(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """stunnel's certificate in front of CoilMQ ran out six hours ago. One job, alone."""
    old = certificates.issue(tmp_path, not_before=at(days=365), not_after=at(hours=6))
    broker = start(CoilMq)
    stunnel = start(Stunnel, broker.port, old)
    watch = await refused({"A": stomps(stunnel.port, "0,0", old, CREW)})
    assert watch.of("tls", "A")[0]["ok"] is False
    recorder.keep("dove-cert-expired-stunnel-coilmq-overnight-alone", watch)


async def test_next_months_certificate_is_in_place(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Apache was given the certificate that begins in three weeks; a page polls by the port without TLS."""
    early = certificates.issue(tmp_path, not_before=at(days=-21), not_after=at(days=-386))
    server = start(SockJsNode, heartbeat_delay=1600)
    apache = start(Apache, server.port, modules=("ssl",), rules=mod_ssl(early))
    page: Table = {"url": f"https://localhost:{apache.port}/echo", "cacert": str(early.ca)}
    watch = await refused(
        {"page": page | {"sockjs_transport": "websocket"}},
        after=0.8,
        before=1.0,
        other=sockjs(server.port, "xhr-polling", do=says(1.3, 4)),
    )
    assert watch.of("tls", "page")[0]["ok"] is False
    recorder.keep("dove-cert-not-yet-apache-sockjs-node", watch)


async def test_the_office_looks_into_tls(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """The office's gateway shows certificates of its own authority; an app trusts the real one alone, at home too."""
    inspector = trustme.CA(organization_name="Depot Ltd Web Gateway", organization_unit_name="TLS Inspection")
    leaf = inspector.issue_cert("localhost")
    shown = Certificate(tmp_path / "shown.pem", tmp_path / "shown-key.pem", tmp_path / "inspector.pem")
    inspector.cert_pem.write_to_path(str(shown.ca))
    leaf.private_key_pem.write_to_path(str(shown.key))
    leaf.cert_chain_pems[0].write_to_path(str(shown.chain))
    server = start(NodeWs)
    home = start(Nginx, server.port, certificate=certificate)
    office = start(Stunnel, server.port, shown)
    watch = await refused(
        {"app": wss(office.port, certificate)},
        after=0.9,
        before=0.9,
        home=wss(home.port, certificate, do=says(1.0, 4)),
    )
    assert watch.of("tls", "app")[0]["ok"] is False
    recorder.keep("dove-cert-untrusted-office-inspects-tls", watch)


async def test_an_authority_of_staging(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """nginx got its certificate from the authority's staging, which no till trusts; STOMP by it and past it."""
    staging = certificates.issue(tmp_path)
    broker = start(StompBroker)
    nginx = start(Nginx, broker.port, certificate=staging)
    base: Table = {"heart_beat": "0,0"}
    till = base | {"url": f"stomp+wss://localhost:{nginx.port}/stomp", "cacert": str(certificate.ca)}
    watch = await refused(
        {"till": till}, after=1.1, before=0.6, past=base | {"url": broker.url, "do": says(1.2, 4, ORDER)}
    )
    assert watch.of("tls", "till")[0]["ok"] is False
    recorder.keep("dove-cert-untrusted-nginx-staging-authority-stomp", watch)


async def test_a_broker_has_a_new_name(activemq: ActiveMq, tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """The alias ``mq`` was pointed at a machine whose certificate names ``node-4``; another job names that one."""
    shown = certificates.issue(tmp_path, "node-4.depot.example")
    hitch = start(Hitch, activemq.port, shown)
    base: Table = {"cacert": str(shown.ca), "connect_to": f"{LOOPBACK}:{hitch.port}", "heart_beat": "0,0"} | CREW
    async with probing("--stdin", **POSTMORTEM) as watch:
        right = base | {"url": "stomps://node-4.depot.example:61612", "do": says(1.0, 4, ORDER)}
        job = base | {"url": "stomps://mq.depot.example:61612"}
        await turned_away(watch, {"job": job}, {"right": right})
    recorder.keep("dove-cert-name-of-the-machine-hitch-activemq", watch)


async def test_an_app_goes_by_the_address(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """An app was given the machine's address after a day without names; Envoy's certificate has the name alone."""
    shown = certificates.issue(tmp_path, "localhost")
    server = start(Gobwas)
    envoy = start(Envoy, server.port, certificate=shown)
    base: Table = {"cacert": str(shown.ca)}
    watch = await refused(
        {"app": base | {"url": f"wss://{LOOPBACK}:{envoy.port}/ws"}},
        after=0.8,
        before=0.9,
        page=base | {"url": f"wss://localhost:{envoy.port}/ws", "do": says(1.2, 4)},
    )
    assert watch.of("tls", "app")[0]["ok"] is False
    recorder.keep("dove-cert-name-envoy-by-address", watch)


async def test_a_device_without_its_certificate(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """HAProxy has one port where a certificate is asked for (``verify required``); a device was flashed without it."""
    ours = certificates.issue_client(tmp_path)
    pem = tmp_path / "both.pem"
    pem.write_text(certificate.chain.read_text() + certificate.key.read_text())
    (port,) = free_ports(1)
    server = start(SockJsTornado, heartbeat_delay=1.5)
    rules = f"bind {LOOPBACK}:{port} ssl crt {pem} ca-file {ours.ca} verify required"
    start(HaProxy, server.port, rules=rules)
    base: Table = {"url": f"https://localhost:{port}/echo", "cacert": str(certificate.ca)}
    watch = await refused(
        {"device": base | {"sockjs_transport": "websocket"}},
        after=1.0,
        before=0.8,
        other=base
        | {"sockjs_transport": "xhr-streaming", "cert": str(ours.chain), "key": str(ours.key), "do": says(1.2, 4)},
    )
    recorder.keep("dove-client-cert-haproxy-sockjs-tornado-none", watch)


async def test_nginx_knows_no_such_name(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """``ssl_reject_handshake`` for all names but the sites': a name that is no site yet is cut in its hello."""
    server = start(NodeWs)
    nginx = start(Edited, server.port, certificate=certificate)
    default = f"server {{ listen {LOOPBACK}:{nginx.port} ssl default_server; ssl_reject_handshake on; }}\n"
    nginx.edit(("    server {\n", f"    {default}    server {{\n        server_name localhost;\n"))
    base: Table = {"url": f"wss://localhost:{nginx.port}/", "cacert": str(certificate.ca)}
    watch = await refused(
        {"app": base | {"servername": "beta.depot.example"}}, after=0.9, before=0.9, page=base | {"do": says(1.1, 4)}
    )
    assert watch.of("tls", "app")[0]["ok"] is False
    recorder.keep("dove-tls-nginx-rejects-an-unknown-name", watch)


async def test_a_firewall_resets_the_hello(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A firewall reads the name in the hello and resets whom it does not like. Another way is well."""

    def script(client: Connection) -> None:
        client.take(60)
        client.reset()

    server = start(NodeWs)
    nginx = start(Nginx, server.port, certificate=certificate)
    with ScriptedServer(script) as wall:
        page = wss(wall.port, certificate)
        watch = await refused(
            {"page": page}, after=1.2, before=0.6, other=wss(nginx.port, certificate, do=says(0.9, 4))
        )
    recorder.keep("dove-tls-firewall-resets-the-hello", watch)


async def test_a_page_says_http_to_apache(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A page polls by ``http:`` at the port where Apache speaks TLS; its neighbour says ``https:``."""
    server = start(SockJsTornado, heartbeat_delay=1.7)
    apache = start(Apache, server.port, modules=("ssl",), rules=mod_ssl(certificate))
    right: Table = {"url": f"https://localhost:{apache.port}/echo", "cacert": str(certificate.ca)}
    watch = await refused(
        {"page": sockjs(apache.port, "xhr-polling")},
        after=0.9,
        before=0.8,
        right=right | {"sockjs_transport": "websocket", "do": says(1.1, 4)},
    )
    recorder.keep("dove-tls-expected-apache-sockjs-polls", watch)


async def test_a_script_says_ws_to_hypercorn(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Hypercorn speaks TLS itself since the release; a script still says ``ws:``. Another says ``wss:``."""
    files = {"certfile": str(certificate.chain), "keyfile": str(certificate.key)}
    hypercorn = start(Hypercorn, **files)  # type: ignore[arg-type]
    watch = await refused(
        {"script": ws(hypercorn.port, open_timeout=5.0)},
        after=1.1,
        before=0.7,
        other=wss(hypercorn.port, certificate, do=says(1.0, 4)),
    )
    recorder.keep("dove-tls-expected-hypercorn", watch)


async def test_two_say_tls_to_nginx(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``wss:`` and the port stayed 80: nginx answers the hello by a 400. Who says ``ws:`` is let in."""
    server = start(NodeWs)
    nginx = start(Nginx, server.port)
    two = {"anna": wss(nginx.port, certificate), "bert": wss(nginx.port, certificate)}
    watch = await refused(two, after=0.8, before=0.9, carl=ws(nginx.port, do=says(1.3, 4)))
    recorder.keep("dove-tls-not-spoken-nginx-two", watch)


async def test_a_job_says_tls_to_rabbitmq(certificate: Certificate, broker: RabbitMq, recorder: Recorder) -> None:
    """61613 instead of 61614: a job says TLS to RabbitMQ's plain STOMP, which hangs up. Another says CONNECT there."""
    job = stomps(broker.stomp_port, "0,0", certificate, GUEST, open_timeout=5.0)
    right = stomp(broker.stomp_port, "0,0", GUEST, do=says(1.2, 5, ORDER))
    async with probing("--stdin", **POSTMORTEM) as watch:
        await turned_away(watch, {"job": job}, {"right": right})
    recorder.keep("dove-tls-not-spoken-stomps-to-rabbitmq", watch)
