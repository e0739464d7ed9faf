"""Doors on another host that stay shut: tiers without a backend, certificates, origins, TLS ports, quotas."""

import asyncio
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.probing import open_session, seen
from tests.servers import certificates
from tests.servers.ashore import begun, doors
from tests.servers.between import Table, answer, opened, says
from tests.servers.frameworks import Tornado
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.lines import leave, open_doors
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.outside import there, there_sockjs
from tests.servers.pond import again_on, homes, refusals, settled
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_kite_more import at_the_door
from tests.servers.test_wire_doors import trusts
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"
COIL: Table = {"stomp_version": "1.0,1.1", "vhost": "localhost", "heart_beat": "0,0"} | CREW


async def test_an_app_is_late_behind_nginx(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """502, 502, and the application is there: a kiosk that was switched on too early comes in."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        nginx = await begun(hosts.server, start, Nginx, app.port, certificate=certificate)
        doors(hosts, nginx)
        await asyncio.to_thread(app.end)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            kiosk: Table = {"url": f"wss://{SERVER}:{nginx.port}/", "reconnect": True} | trusts(certificate)
            await open_session(watch, name="kiosk", **kiosk)
            await seen(watch, "close", "kiosk", count=2)
            again_on(hosts.server, app)
            await seen(watch, "open", "kiosk")
            await watch.command("kiosk: send hello")
            await seen(watch, "frame", "kiosk", dir="in", opcode=1)
            await leave(watch)
    recorder.keep("bass-afar-nginx-502-twice-then-in", watch)


async def test_a_pool_is_empty(start: Starter, recorder: Recorder) -> None:
    """HAProxy's check finds nobody for SockJS: 503 for a page and a phone; the other service is well."""
    with routed() as hosts:
        app, other = await begun(hosts.server, start, SockJsNode), await begun(hosts.server, start, NodeWs)
        options = "default-server check inter 300 fall 1 rise 1"
        haproxy = await begun(hosts.server, start, HaProxy, app.port, options=options)
        doors(hosts, haproxy, other)
        await asyncio.to_thread(app.end)
        watch = await refusals(
            {"page": there_sockjs(haproxy.port, "websocket"), "phone": there_sockjs(haproxy.port, "xhr-polling")},
            on=hosts.client.words,
            after=1.6,
            before=1.0,
            other=there(other.port, do=says(1.1, 5)),
        )
    assert answer(watch, "page") == 503
    recorder.keep("bass-afar-haproxy-pool-is-empty-503-two", watch)


async def test_stunnel_wants_a_certificate(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """``verifyChain`` in front of the broker: a new scale has no certificate yet; the old one shows its own."""
    ours = certificates.issue_client(tmp_path)
    with routed() as hosts:
        broker = await begun(hosts.server, start, CoilMq)
        stunnel = await begun(hosts.server, start, Stunnel, broker.port, certificate, client_ca=ours.ca)
        doors(hosts, stunnel)
        base: Table = {"url": f"stomps://{SERVER}:{stunnel.port}"} | COIL | trusts(certificate)
        watch = await refusals(
            {"new": base | {"open_timeout": 5}},
            on=hosts.client.words,
            after=1.2,
            before=1.1,
            old=base | {"cert": str(ours.chain), "key": str(ours.key), "do": says(1.0, 6, ORDER)},
        )
    recorder.keep("bass-afar-client-cert-stunnel-stomps", watch)


async def test_an_address_is_not_in_it(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A panel was given the address; HAProxy's certificate has a name. Another panel asks for that name."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        haproxy = await begun(hosts.server, start, HaProxy, app.port, certificate=certificate)
        doors(hosts, haproxy)
        url = f"wss://{SERVER}:{haproxy.port}/"
        watch = await refusals(
            {"panel": {"url": url, "cacert": str(certificate.ca)}},
            on=hosts.client.words,
            after=1.3,
            before=1.1,
            other={"url": url, "do": says(0.9, 5)} | trusts(certificate),
        )
    assert watch.of("tls", "panel")[0]["ok"] is False
    recorder.keep("bass-afar-cert-name-asked-by-address", watch)


async def test_ws_is_said_to_stunnel(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``ws:`` to the port of stunnel, which hangs up on what is no hello; ``wss:`` is let in there."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        stunnel = await begun(hosts.server, start, Stunnel, app.port, certificate)
        doors(hosts, stunnel)
        sealed: Table = {"url": f"wss://{SERVER}:{stunnel.port}/", "do": says(1.1, 6)} | trusts(certificate)
        watch = await refusals(
            {"plain": there(stunnel.port, open_timeout=5)}, on=hosts.client.words, after=1.1, before=1.2, sealed=sealed
        )
    recorder.keep("bass-afar-tls-expected-stunnel", watch)


async def test_a_page_of_another_origin(start: Starter, recorder: Recorder) -> None:
    """Tornado looks at the origin: a partner's page is told 403, the house's own is let in."""
    with routed() as hosts:
        app = await begun(hosts.server, start, Tornado)
        doors(hosts, app)
        watch = await refusals(
            {"partner": there(app.port, origin="https://partner.example")},
            on=hosts.client.words,
            after=1.4,
            before=1.0,
            own=there(app.port, origin=f"http://{SERVER}:{app.port}", do=says(0.9, 5)),
        )
    assert answer(watch, "partner") == 403
    recorder.keep("bass-afar-tornado-origin-of-a-partner-403", watch)


async def test_a_plan_is_used_up(recorder: Recorder) -> None:
    """A feed's free plan has one stream at a time: 429 for the second, which tries again."""
    words = '{"error":"too_many_connections","message":"Your plan allows 1 concurrent stream"}\n'
    door = at_the_door("second", HTTPStatus.TOO_MANY_REQUESTS, words, Retry_After="60")
    with routed() as hosts:
        async with homes(hosts, process_request=door) as app:
            open_doors(hosts.server, app.port)
            async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
                await opened(watch, first=there(app.port, "/?user=first", do=says(1.1, 7)))
                await asyncio.sleep(1.0)
                await open_session(watch, name="second", **there(app.port, "/?user=second", reconnect=True))
                await seen(watch, "close", "second", count=2)
                await settled(watch, "second")
                await leave(watch, "first")
    recorder.keep("bass-afar-free-plan-429-again", watch)
