"""Ways on which large answers vanish, beats are lost in one direction, or a little of everything is lost."""

import asyncio

import pytest

from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import Table, opened, says
from tests.servers.goapps import Melody
from tests.servers.golang import Coder
from tests.servers.jvm import Vertx
from tests.servers.lines import DEFAULT_RETRIES, THERE, beaten, behind_nginx, echoed, elsewhere, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def large_news_vanish(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A page is sent news of 9 kB that no packet brings it, and its pong stands behind them; small words pass. TLS."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Melody)
        doors(hosts, server)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        page: Table = {"url": f"{url}ws", "no_compression": True, "ping_interval": 2.1, "ping_timeout": 5.2}
        page |= {"close_timeout": 1.1, "do": says(1.0, 2)} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            editor = ["2.2 send hello", "4.4 send flood 1 9000", "8.1 send and so on", "11.1 send and on"]
            await opened(watch, page=page)
            await echoed(watch, 1, "page")
            hosts.router.wall(f"ip saddr {SERVER} meta length > 1250 drop", name="small")
            await opened(watch, editor={"url": f"ws://{SERVER}:{server.port}/ws", "do": editor})
            await within(watch, 40, "close", "page")
            await over(watch, "page")
            await leave(watch, "editor", status=1)
    assert watch.the("close", "page")["initiator"] == "local"
    recorder.keep("owl-nginx-melody-large-news-vanish", watch)


async def test_beats_are_lost(start: Starter, recorder: Recorder) -> None:
    """Four packets of five from a till to its broker are lost, and it gives up; elsewhere all is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        broker = await begun(hosts.server, start, Vertx)
        doors(hosts, broker)
        till: Table = {"url": f"stomp+ws://{SERVER}:{broker.port}/stomp", "heart_beat": "2600,2600"}
        till |= {"ping_interval": 2.0, "ping_timeout": 4.5, "close_timeout": 1.0}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(6.1, 40)}, till=till)
            await beaten(watch, 1, "till")
            hosts.router.wall(f"ip daddr {SERVER} numgen random mod 100 < 80 drop", name="loss")
            await within(watch, 40, "close", "till")
            hosts.router.no_wall("loss")
            await over(watch, "till")
            await leave(watch, "third", status=1)
    assert max(line["total_retrans"] for line in watch.of("tcp_info", "till")) > 1
    recorder.keep("owl-vertx-beats-lost-on-the-way-up", watch)


async def a_bad_line_is_well(start: Starter, recorder: Recorder) -> None:
    """One packet in eleven is lost and some come twice: a poller and a chat that pings hold out."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        page = await begun(hosts.server, start, SockJsNode, heartbeat_delay=3000)
        chat = await begun(hosts.server, start, Coder)
        doors(hosts, page, chat)
        weather = hosts.weather(delay=0.06)
        pings = {"ping_interval": 2.4, "ping_timeout": 10.0}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                page={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "xhr-polling"},
                chat={"url": f"ws://{SERVER}:{chat.port}/ws", "do": says(1.7, 30)} | pings,
            )
            weather.now(delay=0.06, jitter=0.1, lose=0.09, double=0.05)
            await echoed(watch, 5, "chat")
            weather.now(delay=0.06)
            await leave(watch, "page", "chat", status=0)
    recorder.keep("owl-well-bad-line", watch)


async def test_ways(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Two networks at a time; most of the time is spent waiting."""
    await side_by_side((a_bad_line_is_well(start, recorder), large_news_vanish(start, certificate, recorder)))
