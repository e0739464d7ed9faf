"""Lines that reset one flow or all of a moment, and ways on which large packets vanish."""

import asyncio

import pytest

from tests.probing import ask, seen
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import Table, opened, says
from tests.servers.frameworks import Aiohttp, Tornado
from tests.servers.goapps import Gobwas
from tests.servers.jvm import Vertx
from tests.servers.lines import DEFAULT_RETRIES, THERE, beaten, behind_nginx, echoed, elsewhere, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def one_flow_is_reset(start: Starter, recorder: Recorder) -> None:
    """A carrier's NAT drops one flow and resets its next word; it returns at once. Two others are well."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Tornado)
        doors(hosts, server)
        url = f"ws://{SERVER}:{server.port}/"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                twin={"url": url, "do": says(1.2, 12)},
                quiet={"url": url, "ping_interval": 1.9, "ping_timeout": 5},
                unlucky={"url": url, "do": says(0.8, 4), "reconnect": True},
            )
            await echoed(watch, 2, "unlucky")
            port = watch.of("tcp", "unlucky")[0]["local"].rsplit(":", 1)[1]
            hosts.router.wall(f"tcp sport {port} reject with tcp reset", name="one_flow")
            await seen(watch, "close", "unlucky")
            await seen(watch, "open", "unlucky", count=2)
            await asyncio.sleep(1.3)
            await leave(watch, "twin", "quiet")
    assert watch.of("end", "unlucky")[0]["how"] == "reset"
    recorder.keep("crow-tornado-one-flow-reset-and-back", watch)


async def all_of_tls_is_reset(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """An office firewall fails over: its spare knows no flow and resets two of TLS, which return; plain ones stay."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Gobwas)
        doors(hosts, server)
        nginx, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        sealed: Table = {"url": f"{url}ws", "reconnect": True} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                plain={"url": f"ws://{OTHER}:{server.port}/ws", "do": says(1.4, 12)},
                mail=sealed | {"do": says(0.9, 4)},
                chat=sealed | {"ping_interval": 1.2, "ping_timeout": 5},
            )
            await echoed(watch, 2, "mail")
            hosts.router.wall(
                f"ip daddr {SERVER} tcp dport {nginx.port} tcp flags & syn == 0 reject with tcp reset", name="spare"
            )
            for name in ("mail", "chat"):
                await seen(watch, "close", name)
            hosts.router.no_wall("spare")
            for name in ("mail", "chat"):
                await seen(watch, "open", name, count=2)
            await asyncio.sleep(1.2)
            await leave(watch, "plain")
    assert {watch.of("end", name)[0]["how"] for name in ("mail", "chat")} == {"reset"}
    recorder.keep("crow-nginx-gobwas-firewall-fails-over", watch)


async def a_report_vanishes(start: Starter, recorder: Recorder) -> None:
    """A way of PPPoE whose ICMP is filtered: pings pass, a report of 20 kB does not; small words do."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Aiohttp)
        doors(hosts, server)
        url = f"ws://{SERVER}:{server.port}/"
        hosts.router.wall(f"ip daddr {SERVER} meta length > 1300 drop", name="small")
        report: Table = {"url": url, "no_compression": True, "ping_interval": 1.6, "ping_timeout": 5.4}
        report |= {"close_timeout": 1.0, "do": ["0.7 send title", "2.4 send-repeat x 20000"]}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(2.2, 30)},
                words={"url": url, "do": says(1.9, 30)},
                report=report,
            )
            await within(watch, 30, "close", "report")
            await over(watch, "report")
            await leave(watch, "third", "words", status=1)
    recorder.keep("crow-aiohttp-report-vanishes", watch)


async def a_large_order_vanishes(start: Starter, recorder: Recorder) -> None:
    """A till in a VPN: beats and small orders pass, an order of 12 kB never arrives, and the broker hears no more."""
    with routed() as hosts:
        hosts.be_patient(5)
        broker = await begun(hosts.server, start, Vertx)
        doors(hosts, broker)
        hosts.router.wall(f"ip daddr {SERVER} meta length > 1200 drop", name="small")
        order = f"stomp-send /topic/orders {'17;' * 4000}"
        base: Table = {"url": f"stomp+ws://{SERVER}:{broker.port}/stomp", "heart_beat": "3000,3000"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                other=base | {"do": says(2.1, 25, "stomp-send /topic/orders 3")},
                till=base | {"no_compression": True, "do": says(1.1, 2.3, "stomp-send /topic/orders 5")},
            )
            await beaten(watch, 1, "till")
            await ask(watch, order, "till")
            await within(watch, 40, "close", "till")
            await over(watch, "till")
            await leave(watch, "other", status=1)
    recorder.keep("crow-vertx-large-order-vanishes", watch)


async def wifi_with_jitter(start: Starter, recorder: Recorder) -> None:
    """Weak WiFi: jitter and some loss; a chat with pings, a till with beats and a form of 8 kB, and all are well."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        broker = await begun(hosts.server, start, Vertx)
        server = await begun(hosts.server, start, Aiohttp)
        doors(hosts, broker, server)
        hosts.weather(delay=0.09, jitter=0.12, lose=0.04)
        url = f"ws://{SERVER}:{server.port}/"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                till={"url": f"stomp+ws://{SERVER}:{broker.port}/stomp", "heart_beat": "3000,3000"},
                chat={"url": url, "ping_interval": 2.5, "ping_timeout": 8, "do": says(1.3, 7)},
                form={"url": url, "no_compression": True, "do": ["1.1 send name", "2.6 send-repeat x 8000"]},
            )
            await echoed(watch, 2, "form")
            await echoed(watch, 2, "chat")
            await beaten(watch, 1, "till")
            await leave(watch, "till", "chat", "form", status=0)
    recorder.keep("crow-well-weak-wifi", watch)


async def test_resets(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Two networks at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            all_of_tls_is_reset(start, certificate, recorder),
            wifi_with_jitter(start, recorder),
        )
    )


async def test_small_ways(start: Starter, recorder: Recorder) -> None:
    """Two networks at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            a_report_vanishes(start, recorder),
            a_large_order_vanishes(start, recorder),
        )
    )


async def test_one_flow(start: Starter, recorder: Recorder) -> None:
    """One network of a carrier's."""
    await one_flow_is_reset(start, recorder)
