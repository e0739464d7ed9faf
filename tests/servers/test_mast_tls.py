"""Certificates that name another host, and servers that want one of their clients."""

import asyncio
from pathlib import Path

import pytest

from tests.servers import certificates
from tests.servers.between import TCP, Table, refused, says, sockjs, stomps, web_stomp, wss
from tests.servers.caddy import Caddy
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_broker_is_named_by_its_node(
    broker: RabbitMq, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """The certificate has the node's own name; the shop goes by the balancer's. Who says the node's name is let in."""
    node = certificates.issue(tmp_path, "rabbit-2.cluster.ground.example")
    haproxy = start(HaProxy, broker.stomp_port, certificate=node, options=TCP)
    shop: Table = stomps(haproxy.port, "2900,2900", node)
    watch = await refused(
        {"shop": shop}, after=0.6, before=1.2, told=shop | {"servername": "rabbit-2.cluster.ground.example"}
    )
    assert watch.the("tls", "shop")["ok"] is False
    recorder.keep("mast-haproxy-rabbitmq-named-by-its-node", watch)


async def test_one_region_has_no_name_in_it(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Node shows the certificate of ``api`` and ``api-us`` to who asks for ``api-eu``; nobody added that one."""
    shown = certificates.issue(tmp_path, "api.ground.example", "api-us.ground.example")
    server = await asyncio.to_thread(start, NodeEndings, cert=str(shown.chain), key=str(shown.key))
    way: Table = {"connect_to": f"{LOOPBACK}:{server.port}"}
    us = wss(server.port, shown, do=says(0.9, 4)) | way | {"url": "wss://api-us.ground.example/"}
    eu = wss(server.port, shown, ping_interval=5.5) | way | {"url": "wss://api-eu.ground.example/"}
    watch = await refused({"eu": eu}, before=0.8, us=us)
    assert watch.of("tls", "eu")[0]["ok"] is False
    recorder.keep("mast-node-api-of-one-region", watch)


async def test_nginx_wants_a_certificate(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """``ssl_verify_client on``: TLS is agreed on all the same, and the answer is 400; a tablet was set up anew."""
    ours = certificates.issue_client(tmp_path)
    server = start(SockJsNode, heartbeat_delay=2100)
    rules = f"ssl_client_certificate {ours.ca}; ssl_verify_client on; proxy_buffering off;"
    nginx = start(Nginx, server.port, certificate=certificate, rules=rules)
    base = sockjs(0, "xhr-streaming", url=f"https://localhost:{nginx.port}/echo", cacert=str(certificate.ca))
    known = base | {"cert": str(ours.chain), "key": str(ours.key), "do": says(1.1, 4)}
    watch = await refused({"tablet": base}, before=1.3, known=known)
    assert 400 in {line["status"] for line in watch.of("http", "tablet", dir="in")}
    recorder.keep("mast-nginx-sockjs-no-certificate-shown-400", watch)


async def test_a_spare_device_has_no_certificate(
    broker: RabbitMq, certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """Caddy verifies who comes to the broker; the spare one came out of its box today."""
    ours = certificates.issue_client(tmp_path)
    verify = f"client_auth {{\n mode require_and_verify\n trusted_ca_cert_file {ours.ca}\n }}"
    caddy = start(Caddy, broker.port, tls=f"{certificate.chain} {certificate.key} {{\n {verify}\n }}")
    url = f"stomp+wss://localhost:{caddy.port}/ws"
    base = web_stomp(0, "2500,2500", url=url, cacert=str(certificate.ca), open_timeout=6.0)
    watch = await refused(
        {"spare": base}, after=0.5, before=1.6, old=base | {"cert": str(ours.chain), "key": str(ours.key)}
    )
    assert not watch.of("open", "spare")
    recorder.keep("mast-caddy-rabbitmq-device-without-certificate", watch)
