"""Clocks of proxies and servers: a reload's last minute, silence that lasts too long, and an age nobody may pass."""

import asyncio

import pytest

from tests.probing import seen
from tests.servers.apache import Apache
from tests.servers.between import assert_cut, says, staged, web_stomp, ws, wss
from tests.servers.lines import echoed
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.node_apps import Rules
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.rustapps import Axum
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_certificate_is_renewed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """nginx is reloaded and its old worker waits 2.6 s; three are cut then, busy or not, and come back at once."""
    server, other = start(Axum), start(NodeWs)
    nginx = start(Nginx, server.port, certificate=certificate, shutdown_timeout=2.6)
    at = f"wss://localhost:{nginx.port}/ws"

    async def strike(watch: Watch) -> None:
        await echoed(watch, 2, "dash")
        nginx.reload()
        for name in ("dash", "feed", "page"):
            await seen(watch, "open", name, count=2)

    tables = {
        "elsewhere": ws(other.port, do=says(1.6, 8)),
        "dash": wss(nginx.port, certificate, reconnect=True, do=says(0.9, 4)) | {"url": at},
        "feed": wss(nginx.port, certificate, reconnect=True, ping_interval=1.9) | {"url": at},
        "page": wss(nginx.port, certificate, reconnect=True) | {"url": at},
    }
    watch = await staged(tables, "dash", "feed", "page", strike=strike)
    assert_cut(watch, "dash", "feed", "page")
    recorder.keep("oak-nginx-axum-reloaded", watch)


async def test_nobody_beats(broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """STOMP without heart-beats is silent for too long for nginx; a session that beats goes on through it."""
    nginx = start(Nginx, broker.port, 3.4, certificate)
    base = {"url": f"stomp+wss://localhost:{nginx.port}/ws", "cacert": str(certificate.ca)}
    orders = [f"{at} stomp-send /topic/oak order" for at in (0.5, 1.4)]
    tables = {
        "beats": web_stomp(0, "1500,1500") | base | {"subscribe": ["/topic/oak"]},
        "quiet": web_stomp(0, "0,0") | base | {"subscribe": ["/topic/oak"], "do": orders},
    }
    watch = await staged(tables, "quiet")
    assert_cut(watch, "quiet")
    recorder.keep("oak-nginx-rabbitmq-beats-off-idle", watch)


async def test_somebody_went_for_lunch(start: Starter, recorder: Recorder) -> None:
    """A program closes who says nothing for 3.2 s, and says so, behind Apache; who talks stays."""
    server = start(Rules, idle={"after": 3200, "counts": "messages", "end": [1000, "Closed due to inactivity"]})
    apache = start(Apache, server.port)
    tables = {
        "typing": ws(apache.port, do=says(1.2, 7)),
        "left": ws(apache.port, do=says(0.7, 1.5)),
    }
    watch = await staged(tables, "left")
    assert watch.the("close", "left")["received"]["code"] == 1000
    recorder.keep("oak-apache-rules-closed-for-inactivity", watch)


async def test_nobody_may_stay_longer(start: Starter, recorder: Recorder) -> None:
    """A program cuts everybody at the age of 3.6 s, one who talks and one who only pings; twice, as both come back."""
    server, other = start(Rules, age={"after": 3600, "end": "cut"}), start(NodeWs)

    async def strike(watch: Watch) -> None:
        for name in ("one", "two"):
            await seen(watch, "open", name, count=3)
        await asyncio.sleep(1)

    tables = {
        "other": ws(other.port, do=says(1.5, 10)),
        "one": ws(server.port, "/?user=one", reconnect=True, do=says(0.9, 9)),
        "two": ws(server.port, "/?user=two", reconnect=True, ping_interval=1.4),
    }
    watch = await staged(tables, "one", "two", strike=strike)
    assert len(watch.of("close", "one")) >= 2 <= len(watch.of("close", "two"))
    assert_cut(watch, "one", "two")
    recorder.keep("oak-rules-cut-at-an-age-twice", watch)
