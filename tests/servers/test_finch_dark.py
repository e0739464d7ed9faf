"""Lines that go dark, and machines that lose their address or their adapter."""

import asyncio

import pytest

from tests.probing import seen
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import Table, opened, says
from tests.servers.frameworks import Tornado
from tests.servers.goapps import Gobwas
from tests.servers.jvm import Vertx
from tests.servers.lines import DEFAULT_RETRIES, THERE, behind_nginx, echoed, elsewhere, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.node import NodeStomp, SockJsNode
from tests.servers.node import command as node_command
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, Routed, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

HERE = f"ws://{LOOPBACK}:8099/"
"""A program on the client's own machine."""


def at_home(hosts: Routed) -> None:
    """Node's ws on the client's own loopback."""
    hosts.start(*node_command("ws.mjs", LOOPBACK, 8099), on=hosts.client)


async def three_go_dark(start: Starter, recorder: Recorder) -> None:
    """A datacentre's line is cut: a chat, STOMP and a SockJS socket that pings hear nothing more. One host is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(4)
        page = await begun(hosts.server, start, SockJsNode, heartbeat_delay=3000)
        broker = await begun(hosts.server, start, NodeStomp, beatEvery=2000, beats=1000)
        hosts.start_node()
        doors(hosts, page, broker)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(2.4, 40)},
                chat={"url": f"ws://{SERVER}:8080/", "do": says(1.1, 5)},
                till={"url": f"stomp+ws://{SERVER}:{broker.port}/", "heart_beat": "2000,2000"},
                page={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "websocket"}
                | {"do": says(1.7, 9)},
            )
            await echoed(watch, 3, "chat")
            hosts.router.wall(f"ip daddr {SERVER} drop", name="cut_up")
            hosts.router.wall(f"ip saddr {SERVER} drop", name="cut_down")
            for name in ("chat", "till", "page"):
                await within(watch, 35, "close", name)
            await over(watch, "chat", "till", "page")
            await leave(watch, "third", status=1)
    recorder.keep("finch-line-cut-under-three", watch)


async def the_way_back_is_lost(start: Starter, recorder: Recorder) -> None:
    """What the server says is routed into nowhere for nine seconds; our ping gives up, and it comes back."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        at_home(hosts)
        server = await begun(hosts.server, start, Tornado)
        doors(hosts, server)
        feed: Table = {"url": f"ws://{SERVER}:{server.port}/", "do": says(0.9, 4), "reconnect": True}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                here={"url": HERE, "do": says(2.1, 40)},
                feed=feed | {"ping_interval": 1.5, "ping_timeout": 3.2, "close_timeout": 1.0, "open_timeout": 3.0},
            )
            await echoed(watch, 3, "feed")
            hosts.router.wall(f"ip saddr {SERVER} drop", name="back")
            await within(watch, 20, "close", "feed")
            await asyncio.sleep(3)
            hosts.router.no_wall("back")
            await watch.until(lambda line: line["type"] == "open" and line["s"] == "feed", 30, count=2)
            await asyncio.sleep(1.5)
            await leave(watch, "here", status=1)
    recorder.keep("finch-tornado-way-back-is-lost-for-a-while", watch)


async def a_lease_runs_out(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """The machine's address lease ends and no new one comes: STOMP and a TLS chat end; a program here is well."""
    with routed() as hosts:
        hosts.be_patient(3)
        at_home(hosts)
        broker = await begun(hosts.server, start, Vertx)
        server = await begun(hosts.server, start, Tornado)
        doors(hosts, broker)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                here={"url": HERE, "do": says(1.9, 40)},
                till={"url": f"stomp+ws://{SERVER}:{broker.port}/stomp", "heart_beat": "1000,1000"},
                chat={"url": url, "do": says(1.2, 9)} | trusts(certificate),
            )
            await echoed(watch, 2, "chat")
            hosts.client.ip("address", "flush", "dev", "eth0")
            for name in ("chat", "till"):
                await within(watch, 30, "close", name)
            await over(watch, "chat", "till", stage="tls")
            await leave(watch, "here", status=1)
    recorder.keep("finch-vertx-tornado-lease-runs-out", watch)


async def an_adapter_is_pulled_out(start: Starter, recorder: Recorder) -> None:
    """The USB network adapter is pulled out under a pinging feed that tries again in vain; a program here is well."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        at_home(hosts)
        server = await begun(hosts.server, start, Gobwas)
        doors(hosts, server)
        feed: Table = {"url": f"ws://{SERVER}:{server.port}/ws", "ping_interval": 1.3, "ping_timeout": 3.0}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                here={"url": HERE, "do": says(1.8, 40)},
                feed=feed | {"close_timeout": 1.0, "reconnect": True, "do": says(0.8, 2)},
            )
            await seen(watch, "frame", "feed", opcode=10, dir="in", count=2)
            hosts.client.ip("link", "delete", "eth0")
            await within(watch, 30, "close", "feed")
            await seen(watch, "close", "feed", count=2)
            await leave(watch, "here", status=1)
    recorder.keep("finch-gobwas-adapter-pulled-out", watch)


async def test_dark_lines(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Several networks at a time; most of the time is spent waiting."""
    runs = (three_go_dark, the_way_back_is_lost, an_adapter_is_pulled_out)
    await side_by_side((*(run(start, recorder) for run in runs), a_lease_runs_out(start, certificate, recorder)))
