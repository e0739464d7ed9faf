"""TLS of an ordinary week that is not agreed on, and words of the wrong kind at TLS ports and plain ones."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
import trustme

from tests.probing import open_session, seen
from tests.servers import certificates
from tests.servers.apache import Apache
from tests.servers.between import Table, answer, says, sockjs, stomp, stomps, ws, wss
from tests.servers.goapps import Gobwas, Melody
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW, GUEST
from tests.servers.lesser import Hitch
from tests.servers.lines import leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.node_apps import StompBroker
from tests.servers.pond import refusals, settled
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_robin_tls import at, mod_ssl
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"


async def test_the_renewal_hook_failed(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """certbot renewed, nginx was never reloaded: 90 days are over since an hour; STOMP of a shop, again and again."""
    old = certificates.issue(tmp_path, not_before=at(days=90, hours=1), not_after=at(hours=1))
    broker = start(StompBroker)
    nginx = start(Nginx, broker.port, certificate=old)
    async with watching("--stdin", "--reconnect", **POSTMORTEM) as watch:
        shop: Table = {
            "url": f"stomp+wss://localhost:{nginx.port}/stomp",
            "cacert": str(old.ca),
            "heart_beat": "10000,10000",
        }
        await open_session(watch, name="shop", **shop)
        await seen(watch, "close", "shop", count=3)
        await settled(watch, "shop")
        await leave(watch)
    assert all(line["ok"] is False for line in watch.of("tls", "shop"))
    recorder.keep("bass-cert-expired-nginx-never-reloaded-again", watch)


async def test_a_till_lost_its_battery(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """A certificate that begins tomorrow for whoever's clock is a day late; one who does not look is let in."""
    early = certificates.issue(tmp_path, not_before=at(days=-1), not_after=at(days=-91))
    server = start(Melody)
    haproxy = start(HaProxy, server.port, certificate=early)
    base: Table = {"url": f"wss://localhost:{haproxy.port}/ws", "cacert": str(early.ca)}
    watch = await refusals(
        {"till": base}, after=1.2, before=1.2, careless=base | {"insecure": True, "do": says(0.9, 4)}
    )
    assert watch.of("tls", "till")[0]["ok"] is False
    recorder.keep("bass-cert-not-yet-haproxy-begins-tomorrow", watch)


async def test_the_intermediate_is_missing(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Only the leaf was copied, no chain: browsers know the rest, a program does not. By Apache; who has both is in."""
    root = trustme.CA(organization_name="Depot Root")
    middle = root.create_child_ca()
    leaf = middle.issue_cert("localhost")
    shown = Certificate(tmp_path / "leaf.pem", tmp_path / "leaf-key.pem", tmp_path / "root.pem")
    leaf.cert_chain_pems[0].write_to_path(str(shown.chain))
    leaf.private_key_pem.write_to_path(str(shown.key))
    root.cert_pem.write_to_path(str(shown.ca))
    both = tmp_path / "both.pem"
    both.write_bytes(root.cert_pem.bytes() + middle.cert_pem.bytes())
    server = start(NodeWs)
    apache = start(Apache, server.port, modules=("ssl",), rules=mod_ssl(shown))
    watch = await refusals(
        {"program": wss(apache.port, shown)},
        after=1.1,
        before=1.0,
        browser=wss(apache.port, shown, do=says(0.8, 4)) | {"cacert": str(both)},
    )
    assert watch.of("tls", "program")[0]["ok"] is False
    recorder.keep("bass-cert-untrusted-apache-intermediate-missing", watch)


async def test_a_broker_signed_for_itself(broker: RabbitMq, recorder: Recorder) -> None:
    """``stomps:`` of a job that was not given the house's authority; its twin was."""
    job: Table = {"url": broker.tls_url, "heart_beat": "0,0"} | GUEST
    twin = job | {"cacert": broker.trust[1], "do": says(1.1, 4, ORDER)}
    watch = await refusals({"job": job}, after=1.3, before=0.9, twin=twin)
    assert watch.of("tls", "job")[0]["ok"] is False
    recorder.keep("bass-cert-untrusted-rabbitmq-stomps", watch)


async def test_a_wildcard_is_one_label_deep(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """``*.depot.example`` and a new region under ``live.eu.depot.example``; ``live.depot.example`` is in."""
    shown = certificates.issue(tmp_path, "*.depot.example")
    server = start(SockJsNode, heartbeat_delay=1600)
    nginx = start(Nginx, server.port, certificate=shown)
    base: Table = {"cacert": str(shown.ca), "connect_to": f"{LOOPBACK}:{nginx.port}", "sockjs_transport": "websocket"}
    watch = await refusals(
        {"eu": base | {"url": "https://live.eu.depot.example/echo"}},
        after=1.0,
        before=1.2,
        old=base | {"url": "https://live.depot.example/echo", "do": says(1.0, 4)},
    )
    assert watch.of("tls", "eu")[0]["ok"] is False
    recorder.keep("bass-cert-name-wildcard-one-label-sockjs", watch)


@pytest.mark.parametrize("kind", ["none", "strangers"])
async def test_nginx_asks_for_a_certificate(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder, kind: str
) -> None:
    """``ssl_verify_client on``: a gateway shows none, or that of staging; nginx says 400. Another shows its own."""
    ours = certificates.issue_client(tmp_path)
    strange = tmp_path / "strange"
    strange.mkdir()
    theirs = certificates.issue_client(strange)
    server = start(NodeWs)
    rules = f"ssl_client_certificate {ours.ca}; ssl_verify_client on;"
    nginx = start(Nginx, server.port, certificate=certificate, rules=rules)
    shows = {"cert": str(theirs.chain), "key": str(theirs.key)} if kind == "strangers" else {}
    watch = await refusals(
        {"gateway": wss(nginx.port, certificate, **shows)},
        after=0.9 if kind == "none" else 1.4,
        before=1.1,
        other=wss(nginx.port, certificate, cert=str(ours.chain), key=str(ours.key), do=says(1.2, 4)),
    )
    recorder.keep(f"bass-client-cert-nginx-{kind}", watch)


async def test_node_is_told_to_speak_1_2_alone(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A proxy takes TLS 1.3 alone since the scan, the job's proxy before it spoke 1.2: the hello finds no version."""
    server = start(NodeEndings, cert=str(certificate.chain), key=str(certificate.key), tlsVersion="TLSv1.3")
    plain = start(NodeWs)
    haproxy = start(
        HaProxy,
        server.port,
        options="mode tcp\n    option tcplog\n    default-server ssl verify none ssl-max-ver TLSv1.2",
    )
    watch = await refusals(
        {"job": ws(haproxy.port, open_timeout=5)}, after=1.0, before=1.0, plain=ws(plain.port, do=says(0.9, 5))
    )
    recorder.keep("bass-haproxy-re-encrypts-in-a-version-refused", watch)


async def test_haproxy_is_strict_about_names(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``strict-sni``: a service says ``gateway.internal`` in its hello and there is no certificate for that."""
    server = start(Gobwas)
    haproxy = start(HaProxy, server.port, certificate=certificate, strict=True)
    base: Table = {"url": f"wss://localhost:{haproxy.port}/ws", "cacert": str(certificate.ca)}
    watch = await refusals(
        {"service": base | {"servername": "gateway.internal"}}, after=1.1, before=1.1, page=base | {"do": says(1.0, 4)}
    )
    assert watch.of("tls", "service")[0]["ok"] is False
    recorder.keep("bass-tls-haproxy-strict-sni", watch)


async def test_ws_to_the_port_of_https(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A front-end built with ``ws://`` and the port 443 of nginx; SockJS of another page has ``https``."""
    server = start(SockJsNode, heartbeat_delay=1500)
    nginx = start(Nginx, server.port, certificate=certificate)
    right: Table = {"url": f"https://localhost:{nginx.port}/echo", "cacert": str(certificate.ca)}
    watch = await refusals(
        {"front": ws(nginx.port, "/echo/websocket")},
        after=1.0,
        before=1.0,
        page=right | {"sockjs_transport": "websocket", "do": says(1.1, 4)},
    )
    assert answer(watch, "front") == 400
    recorder.keep("bass-tls-expected-nginx-ws-to-https", watch)


async def test_nginx_keeps_a_stream_until_it_is_full(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """``proxy_buffering`` as it is delivered, and TLS: a SockJS stream is kept back; the socket beside it is well."""
    server = start(SockJsNode, heartbeat_delay=1200)
    nginx = start(Nginx, server.port, certificate=certificate)
    page: Table = {"url": f"https://localhost:{nginx.port}/echo", "cacert": str(certificate.ca)}
    watch = await refusals(
        {"stream": page | {"sockjs_transport": "xhr-streaming", "open_timeout": 4.2}},
        after=1.1,
        before=0.7,
        socket=page | {"sockjs_transport": "websocket", "do": says(1.0, 7)},
    )
    assert not watch.of("sockjs", "stream", kind="o")
    recorder.keep("bass-nginx-tls-keeps-sockjs-stream", watch)


async def test_nginx_keeps_nothing(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The same, ``proxy_buffering off``: the stream comes as it is said, and nothing is wrong."""
    server = start(SockJsNode, heartbeat_delay=1200)
    nginx = start(Nginx, server.port, certificate=certificate, rules="proxy_buffering off;")
    page: Table = {"url": f"https://localhost:{nginx.port}/echo", "cacert": str(certificate.ca)}
    async with watching("--stdin", **POSTMORTEM) as watch:
        for name, transport in (("socket", "websocket"), ("stream", "xhr-streaming"), ("poll", "xhr-polling")):
            await open_session(watch, name=name, **page, sockjs_transport=transport, do=says(1.3, 4))
            await seen(watch, "sockjs", name, kind="o")
        await seen(watch, "sockjs", "stream", kind="h", dir="in", count=3)
        await leave(watch, "socket", "stream", "poll")
    recorder.keep("bass-none-nginx-tls-sockjs-unbuffered", watch)


async def test_stomp_to_the_port_of_stomps(broker: RabbitMq, recorder: Recorder) -> None:
    """A job's library speaks no TLS and was given 61614; its twin does."""
    port = int(broker.tls_url.rpartition(":")[2])
    twin: Table = {"url": broker.tls_url, "heart_beat": "0,0", "cacert": broker.trust[1]} | GUEST
    watch = await refusals(
        {"job": stomp(port, "5000,5000", open_timeout=5)},
        after=1.2,
        before=0.8,
        twin=twin | {"do": says(1.0, 6, ORDER)},
    )
    recorder.keep("bass-tls-expected-rabbitmq-stomp-to-61614", watch)


async def test_wss_to_the_programs_own_port(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A developer says ``wss://…:3000`` to Node itself, which speaks plain HTTP; the page of a colleague ``ws``."""
    server = start(SockJsNode, heartbeat_delay=1900)
    dev: Table = {"url": f"https://localhost:{server.port}/echo", "cacert": str(certificate.ca)}
    watch = await refusals(
        {"dev": dev | {"sockjs_transport": "websocket", "open_timeout": 5}},
        after=0.9,
        before=1.3,
        colleague=sockjs(server.port, "websocket", do=says(0.9, 4)),
    )
    recorder.keep("bass-tls-not-spoken-node-sockjs", watch)


async def test_a_tls_front_stands_still(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """hitch's worker hangs in its disk: TCP is taken, no hello comes back. By stunnel beside it a job is well."""
    broker = start(CoilMq)
    hitch = start(Hitch, broker.port, certificate)
    stunnel = start(Stunnel, broker.port, certificate)
    base = {"stomp_version": "1.0,1.1"} | CREW
    os.killpg(hitch.pid, signal.SIGSTOP)
    try:
        watch = await refusals(
            {"job": stomps(hitch.port, "0,0", certificate, base, open_timeout=3.6)},
            after=1.1,
            before=0.9,
            beside=stomps(stunnel.port, "0,0", certificate, base, do=says(1.2, 6, ORDER)),
        )
    finally:
        os.killpg(hitch.pid, signal.SIGCONT)
    recorder.keep("bass-tls-hello-unanswered-hitch-stopped", watch)


async def test_two_certificates_and_a_hurry(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Nothing is wrong: TLS by nginx, by stunnel and by Node itself, three names, all well, one leaves by itself."""
    server = start(NodeWs)
    nginx, stunnel = start(Nginx, server.port, certificate=certificate), start(Stunnel, server.port, certificate)
    own = start(NodeEndings, cert=str(certificate.chain), key=str(certificate.key))
    async with watching("--stdin", "--reconnect", **POSTMORTEM) as watch:
        for name, port in (("a", nginx.port), ("b", stunnel.port), ("c", own.port)):
            await open_session(watch, name=name, **wss(port, certificate, do=says(0.7, 4)))
            await seen(watch, "open", name)
        await seen(watch, "frame", "b", dir="in", opcode=1, count=4)
        await watch.command("c: close 1000 done")
        await seen(watch, "close", "c")
        await asyncio.sleep(0.8)  # nobody comes back who left by himself
        await watch.command("quit")
        await watch.finish()
    assert all(line["initiator"] == "local" for line in watch.of("close"))
    recorder.keep("bass-none-three-ways-of-tls", watch)
