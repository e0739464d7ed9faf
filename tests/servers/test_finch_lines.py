"""Lines that forget, lose, are narrow, or swallow what is large."""

import asyncio

import pytest

from tests.probing import ask, seen
from tests.servers.ashore import begun, doors, forgets, side_by_side
from tests.servers.between import Table, opened, says
from tests.servers.frameworks import Sanic
from tests.servers.goapps import Gobwas, Melody
from tests.servers.golang import Gorilla
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis, JavaWebSocket
from tests.servers.lines import DEFAULT_RETRIES, THERE, behind_nginx, echoed, elsewhere, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.servers.test_wire_weather import lose
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def a_firewall_resets_two_pages(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """It forgets after 3 s and resets two TLS pages of Sanic at their next words; who pings by it is well."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Sanic)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        forgets(hosts, 3, reset=True)
        sealed: Table = {"url": url} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                pings=sealed | {"ping_interval": 1.4},
                form=sealed | {"do": ["0.6 send name", "5.8 send town"], "reconnect": True},
                order=sealed | {"do": ["0.9 send 2 pieces", "7.9 send 3 pieces"], "reconnect": True},
            )
            for name in ("form", "order"):
                await within(watch, 25, "close", name)
                await seen(watch, "open", name, count=2)
            await leave(watch, "pings", status=1)
    assert {watch.of("end", name)[0]["how"] for name in ("form", "order")} == {"reset"}
    recorder.keep("finch-nginx-sanic-firewall-resets-two-pages", watch)


async def a_home_router_forgets(start: Starter, recorder: Recorder) -> None:
    """NAT at home forgets after 3 s: melody's pings of every 6 and the reader's next word vanish; a talker is well."""
    with routed() as hosts:
        hosts.be_patient(4)
        hosts.masquerade(forgets_after=3, strict=True)
        server = await begun(hosts.server, start, Melody, PongWait=14.0, PingPeriod=6.0)
        doors(hosts, server)
        url = f"ws://{SERVER}:{server.port}/ws"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                talks={"url": url, "do": says(1.3, 25)},
                reads={"url": url, "do": ["0.5 send chapter 1", "1.4 send chapter 2", "8.6 send chapter 3"]},
            )
            await within(watch, 35, "close", "reads")
            await over(watch, "reads")
            await leave(watch, "talks", status=1)
    recorder.keep("finch-melody-home-router-forgets", watch)


async def a_third_is_lost(start: Starter, recorder: Recorder) -> None:
    """A third of all packets of one host is lost: STOMP and a chat live on by saying it again. One host is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        broker = await begun(hosts.server, start, Artemis)
        server = await begun(hosts.server, start, Gobwas)
        doors(hosts, broker, server)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(2.2, 30)},
                till={"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "3500,3500"} | ANNA,
                chat={"url": f"ws://{SERVER}:{server.port}/ws", "do": says(0.8, 11)},
            )
            await echoed(watch, 2, "chat")
            lose(hosts, 33, SERVER)
            await asyncio.sleep(9)
            await leave(watch, "third", "till", "chat")
    assert max(line["total_retrans"] for line in watch.of("tcp_info", "chat")) > 2
    recorder.keep("finch-artemis-gobwas-a-third-is-lost", watch)


async def pongs_are_lost(start: Starter, recorder: Recorder) -> None:
    """Four of five packets of a host are lost; Node pings every 2.4 s and gives up on a chat. One host is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, NodeWs, pingEvery=2400)
        doors(hosts, server)
        chat: Table = {"url": f"ws://{SERVER}:{server.port}/", "do": says(0.7, 20)}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(2.6, 60)},
                chat=chat | {"ping_interval": 3.0, "ping_timeout": 12.0, "close_timeout": 1.5},
            )
            await echoed(watch, 2, "chat")
            lose(hosts, 80, SERVER)
            await within(watch, 45, "close", "chat")
            await over(watch, "chat")
            await leave(watch, "third", status=1)
    recorder.keep("finch-node-four-of-five-are-lost", watch)


async def a_report_fills_the_line(start: Starter, recorder: Recorder) -> None:
    """A shop's report of 60 kB goes up a line of 5 kB a second; its pongs to Java-WebSocket stand behind it."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, JavaWebSocket, lost=2)
        doors(hosts, server)
        rate = ("rate", "40kbit", "burst", "2500", "limit", "900000")
        hosts.router.run("tc", "qdisc", "add", "dev", "wan", "root", "tbf", *rate)
        shop: Table = {"url": f"ws://{SERVER}:{server.port}/live?user=shop", "no_compression": True}
        parts = (f"{3 + n * 0.2:.1f} send-repeat x 12000" for n in range(5))
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(2.7, 40)},
                shop=shop | {"do": ["0.8 send report of today", *parts]},
            )
            await within(watch, 40, "close", "shop")
            await over(watch, "shop", patience=8)
            await leave(watch, "third", status=1)
    recorder.keep("finch-java-report-fills-the-line", watch)


async def a_backup_pushes_a_chat_aside(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A backup of 60 kB goes up a line of 5 kB a second; its pong to Sanic and a chat's are too late. One is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Sanic, WEBSOCKET_PING_INTERVAL=1.6, WEBSOCKET_PING_TIMEOUT=2.6)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        rate = ("rate", "40kbit", "burst", "2500", "limit", "900000")
        hosts.router.run("tc", "qdisc", "add", "dev", "wan", "root", "tbf", *rate)
        sealed: Table = {"url": url, "no_compression": True} | trusts(certificate)
        parts = (f"{4 + n * 0.2:.1f} send-repeat x 12000" for n in range(5))
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(2.4, 40)},
                chat=sealed | {"do": says(1.3, 12)},
                backup=sealed | {"do": ["0.8 send begin", *parts]},
            )
            for name in ("chat", "backup"):
                await within(watch, 40, "close", name)
            await over(watch, "chat", "backup", patience=6)
            await leave(watch, "third", status=1)
    recorder.keep("finch-nginx-sanic-backup-pushes-a-chat-aside", watch)


async def an_invoice_is_too_large(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A tunnel takes nothing above 1000 bytes and says so to nobody: the chat's words pass, its invoice does not."""
    with routed() as hosts:
        hosts.be_patient(5)
        server = await begun(hosts.server, start, Gorilla, PongWait=60.0, PingPeriod=50.0)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        sealed: Table = {"url": f"{url}ws", "no_compression": True} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                chat=sealed | {"url": f"{url}ws?user=chat", "do": says(1.6, 30)},
                desk=sealed | {"url": f"{url}ws?user=desk", "do": says(0.8, 2)},
            )
            await echoed(watch, 2, "desk")
            hosts.router.wall(f"ip daddr {SERVER} meta length > 1000 drop", name="small")
            await ask(watch, "send-repeat x 7000", "desk")
            await within(watch, 40, "close", "desk")
            await over(watch, "desk", stage="tls")
            await leave(watch, "chat", status=1)
    recorder.keep("finch-nginx-gorilla-invoice-too-large", watch)


async def an_order_is_too_large(start: Starter, recorder: Recorder) -> None:
    """STOMP over TCP with Artemis: orders pass, one of 6 kB is too large for the way, and the beats behind it."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        hosts.router.wall(f"ip daddr {SERVER} meta length > 1100 drop", name="small")
        base: Table = {"url": f"stomp://{SERVER}:{broker.port}"} | ANNA
        large = "4.2 stomp-send finch.orders " + "y" * 6000
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                desk=base | {"heart_beat": "3000,3000"},
                shop=base | {"heart_beat": "1600,1600", "do": [*says(0.9, 3, "stomp-send finch.orders 1"), large]},
            )
            await within(watch, 35, "close", "shop")
            await over(watch, "shop")
            await leave(watch, "desk", status=1)
    recorder.keep("finch-artemis-order-too-large-for-the-way", watch)


async def test_memories_and_losses(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Several networks at a time; most of the time is spent waiting."""
    runs = (a_home_router_forgets, a_third_is_lost, pongs_are_lost)
    await side_by_side(
        (*(run(start, recorder) for run in runs), a_firewall_resets_two_pages(start, certificate, recorder))
    )


async def test_small_lines(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Several networks at a time; most of the time is spent waiting."""
    runs = (a_report_fills_the_line, an_order_is_too_large)
    await side_by_side((*(run(start, recorder) for run in runs), an_invoice_is_too_large(start, certificate, recorder)))


async def test_narrow_lines(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """What is sent waits in a queue."""
    await a_report_fills_the_line(start, recorder)
    await a_backup_pushes_a_chat_aside(start, certificate, recorder)
