"""Users and programs that leave: in order, by a word of the server's, or torn away here."""

import pytest

from tests.probing import ask
from tests.servers.abreast import up
from tests.servers.asgi_hosts import Hypercorn
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, says, staged, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Tornado
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.jvm import Vertx
from tests.servers.lesser import Hitch
from tests.servers.lines import echoed
from tests.servers.nginx import Certificate, Nginx
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def a_clerk_disconnects(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Vert.x's STOMP over WebSocket and TLS by Envoy: a clerk says DISCONNECT between two messages; another stays."""
    server = await up(start, Vertx)
    envoy = await up(start, Envoy, server.port, certificate=certificate)
    base: Table = {"url": f"stomp+wss://localhost:{envoy.port}/stomp", "cacert": str(certificate.ca)}
    base |= {"heart_beat": "0,1000"}
    tables = {
        "stays": base | {"subscribe": ["lark"]},
        "clerk": base | {"do": [*says(0.8, 2.5, "stomp-send lark 1"), "2.9 disconnect"]},
    }
    watch = await staged(tables, "clerk", status=0)
    assert watch.the("close", "clerk")["asked"] is True
    recorder.keep("lark-envoy-vertx-clerk-disconnects", watch)


async def a_ticket_is_done(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Hypercorn's application closes a finished ticket by 1000, without a reason, behind Caddy; another goes on."""
    server = await up(start, Hypercorn)
    caddy = await up(start, Caddy, server.port, tls=f"{certificate.chain} {certificate.key}")
    tables = {
        "open": wss(caddy.port, certificate, do=says(1.2, 6)),
        "ticket": wss(caddy.port, certificate, do=[*says(0.9, 2), "2.6 send close 1000"]),
    }
    watch = await staged(tables, "ticket", stage="tls")
    assert watch.the("close", "ticket")["received"]["code"] == 1000
    recorder.keep("lark-caddy-hypercorn-ticket-done-1000", watch)


async def a_tab_is_left(start: Starter, recorder: Recorder) -> None:
    """The user goes to another page: our 1001 is answered by Tornado behind nginx; his other tab stays."""
    server = await up(start, Tornado)
    nginx = await up(start, Nginx, server.port, 40)

    async def strike(watch: Watch) -> None:
        await echoed(watch, 3, "tab")
        await ask(watch, "close 1001 navigating away", "tab")

    tables = {"other": ws(nginx.port, do=says(1.5, 6)), "tab": ws(nginx.port, do=says(0.7, 6))}
    watch = await staged(tables, "tab", strike=strike, status=0)
    assert watch.the("close", "tab")["initiator"] == "local"
    recorder.keep("lark-nginx-tornado-tab-left-1001", watch)


async def a_script_aborts(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A script is stopped here in the middle of its talk with coder, by TLS of hitch; another script goes on."""
    server = await up(start, Coder)
    hitch = await up(start, Hitch, server.port, certificate)
    url = {"url": f"wss://localhost:{hitch.port}/ws"}
    tables = {
        "other": wss(hitch.port, certificate, do=says(1.3, 6)) | url,
        "script": wss(hitch.port, certificate, do=[*says(0.6, 2.5), "2.8 abort"]) | url,
    }
    watch = await staged(tables, "script", stage="tls", status=0)
    assert watch.the("close", "script")["initiator"] == "local"
    recorder.keep("lark-hitch-coder-script-aborts", watch)


async def a_job_resets(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A job's process is killed with unread bytes and its kernel says RST: RabbitMQ's Web STOMP by HAProxy."""
    haproxy = await up(start, HaProxy, broker.port, tunnel=40)
    tables = {
        "other": web_stomp(haproxy.port, "2100,2100"),
        "job": web_stomp(haproxy.port, "1900,1900", do=[*says(0.8, 3, "stomp-send /topic/l 1"), "3.4 reset"]),
    }
    watch = await staged(tables, "job", status=0)
    assert watch.the("close", "job")["initiator"] == "local"
    recorder.keep("lark-haproxy-rabbitmq-job-resets", watch)


async def test_they_leave(certificate: Certificate, broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (a_clerk_disconnects, a_ticket_is_done, a_script_aborts)
    await side_by_side(
        (
            *(run(certificate, start, recorder) for run in runs),
            a_tab_is_left(start, recorder),
            a_job_resets(broker, start, recorder),
        )
    )
