"""Lines that forget, lose, are narrow or go dark, and machines whose network is switched off."""

import asyncio

import pytest

from tests.probing import seen
from tests.servers.ashore import begun, doors, forgets, side_by_side
from tests.servers.between import Table, opened, says
from tests.servers.frameworks import Aiohttp, Tornado
from tests.servers.goapps import Gobwas
from tests.servers.lines import DEFAULT_RETRIES, THERE, beaten, behind_nginx, echoed, elsewhere, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.node import NodeEndings, NodeStomp, SockJsNode
from tests.servers.node import command as node_command
from tests.servers.node_apps import Fastify
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, Routed, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.servers.test_wire_weather import lose
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

HERE = f"ws://{LOOPBACK}:8098/"
"""A program on the client's own machine."""


def at_home(hosts: Routed) -> None:
    """Node's ws on the client's own loopback."""
    hosts.start(*node_command("ws.mjs", LOOPBACK, 8098), on=hosts.client)


async def a_home_router_forgets(start: Starter, recorder: Recorder) -> None:
    """A home router forgets a till of aiohttp after 3 s: what it sells then vanishes. A chat pings and is well."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.masquerade(forgets_after=3, strict=True)
        server = await begun(hosts.server, start, Aiohttp)
        hosts.start_node()
        doors(hosts, server)
        sells = [*says(0.8, 2, "send one"), "7.5 send two", "9.1 send three"]
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                chat={"url": f"ws://{SERVER}:8080/", "ping_interval": 1.6, "ping_timeout": 8.0},
                till={"url": f"ws://{SERVER}:{server.port}/", "do": sells},
            )
            await within(watch, 35, "close", "till")
            await over(watch, "till")
            await leave(watch, "chat", status=1)
    recorder.keep("lark-home-router-forgets-a-till", watch)


async def a_firewall_resets_late_orders(start: Starter, recorder: Recorder) -> None:
    """It forgets after 3 s and resets STOMP over WebSocket at its next order; it comes back. A ticking one is well."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, NodeStomp, beatEvery=0, beats=0)
        server = await begun(hosts.server, start, Aiohttp)
        doors(hosts, broker, server)
        forgets(hosts, 3, reset=True)
        orders = ["0.7 stomp-send /q/o 1", "1.6 stomp-send /q/o 2", "7.1 stomp-send /q/o 3"]
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                ticks={"url": f"ws://{SERVER}:{server.port}/", "do": says(1.5, 15)},
                orders={"url": f"stomp+ws://{SERVER}:{broker.port}/", "heart_beat": "0,0"}
                | {"do": orders, "reconnect": True},
            )
            await within(watch, 25, "close", "orders")
            await seen(watch, "stomp", "orders", command="CONNECTED", count=2)
            await asyncio.sleep(1.2)
            await leave(watch, "ticks", status=1)
    assert watch.of("end", "orders")[0]["how"] == "reset"
    recorder.keep("lark-firewall-resets-late-orders", watch)


async def a_train_loses_a_quarter(start: Starter, recorder: Recorder) -> None:
    """A quarter of all packets of one host is lost: a SockJS socket and a chat live on. Another host is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        page = await begun(hosts.server, start, SockJsNode, heartbeat_delay=25000)
        server = await begun(hosts.server, start, Fastify)
        doors(hosts, page, server)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(2.5, 30)},
                page={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "websocket"}
                | {"do": says(1.3, 13)},
                chat={"url": f"ws://{SERVER}:{server.port}/ws", "do": says(1.1, 13)},
            )
            await echoed(watch, 2, "chat", "page")
            lose(hosts, 28, SERVER)
            await asyncio.sleep(8.5)
            await leave(watch, "third", "page", "chat")
    for name in ("page", "chat"):
        assert max(line["total_retrans"] for line in watch.of("tcp_info", name)) > 2
    recorder.keep("lark-train-loses-a-quarter-sockjs-lives", watch)


async def a_microwave_loses_pongs(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Three of four packets are lost for a while: our ping of aiohttp by nginx gives up, and it comes back after."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Aiohttp)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        chat: Table = {"url": url, "do": says(0.6, 20), "reconnect": True} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(2.8, 60)},
                chat=chat | {"ping_interval": 1.9, "ping_timeout": 5.5, "close_timeout": 1.0},
            )
            await echoed(watch, 3, "chat")
            lose(hosts, 75, SERVER)
            await within(watch, 40, "close", "chat")
            await leave(watch, "third", status=1)
    close = watch.of("close", "chat")[0]
    assert close["initiator"] == "local" and close["sent"]["code"] == 1011
    recorder.keep("lark-microwave-loses-pongs", watch)


async def an_export_fills_the_way_down(start: Starter, recorder: Recorder) -> None:
    """A desk asks for 70 kB over a way down of 4 kB a second: the pongs stand behind it. One by another way is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, NodeEndings)
        doors(hosts, server)
        rate = ("rate", "32kbit", "burst", "2500", "limit", "900000")
        hosts.server.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *rate)
        desk: Table = {"url": f"ws://{SERVER}:{server.port}/", "no_compression": True}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(2.6, 40)},
                desk=desk
                | {"do": [*says(0.9, 2.8), "3.2 send flood 70000"]}
                | {"ping_interval": 1.5, "ping_timeout": 4.5, "close_timeout": 1.0},
            )
            await within(watch, 40, "close", "desk")
            await over(watch, "desk", patience=8)
            await leave(watch, "third", status=1)
    assert watch.the("close", "desk")["initiator"] == "local"
    recorder.keep("lark-export-fills-the-way-down", watch)


async def photos_fill_the_way_up(start: Starter, recorder: Recorder) -> None:
    """A camera's photos go up a line of 5 kB a second: its pongs to aiohttp come too late. Another host is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Tornado, websocket_ping_interval=2.2, websocket_ping_timeout=2.2)
        doors(hosts, server)
        rate = ("rate", "40kbit", "burst", "2500", "limit", "900000")
        hosts.router.run("tc", "qdisc", "add", "dev", "wan", "root", "tbf", *rate)
        camera: Table = {"url": f"ws://{SERVER}:{server.port}/", "no_compression": True}
        photos = (f"{4 + n * 0.3:.1f} send-repeat p 11000" for n in range(5))
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(2.3, 40)},
                camera=camera | {"do": [*says(1.0, 2.5), *photos]},
            )
            await within(watch, 40, "close", "camera")
            await over(watch, "camera", patience=8)
            await leave(watch, "third", status=1)
    recorder.keep("lark-photos-fill-the-way-up", watch)


async def all_to_one_site_is_dropped(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A router begins to drop all that goes to one site: a TLS chat and a STOMP till. Its other address is reached."""
    with routed() as hosts:
        hosts.be_patient(4)
        broker = await begun(hosts.server, start, NodeStomp, beatEvery=2000, beats=1000)
        server = await begun(hosts.server, start, Gobwas)
        nginx, _ = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        doors(hosts, broker)
        sealed = trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                well={"url": f"wss://{OTHER}:{nginx.port}/ws", "do": says(2.7, 60)} | sealed,
                chat={"url": f"wss://{SERVER}:{nginx.port}/ws", "do": says(1.2, 9)} | sealed,
                till={"url": f"stomp+ws://{SERVER}:{broker.port}/", "heart_beat": "2000,2000"},
            )
            await echoed(watch, 2, "chat")
            await beaten(watch, 1, "till")
            hosts.router.ip("route", "replace", "blackhole", f"{SERVER}/32")
            for name in ("chat", "till"):
                await within(watch, 35, "close", name)
            await over(watch, "chat", "till")
            await leave(watch, "well", status=1)
    recorder.keep("lark-router-drops-all-to-one-site", watch)


async def the_way_up_is_lost(start: Starter, recorder: Recorder) -> None:
    """What one feed says never arrives any more; it is alone, its kernel gives up, and it cannot come back."""
    with routed() as hosts:
        hosts.be_patient(3)
        server = await begun(hosts.server, start, Fastify)
        doors(hosts, server)
        feed: Table = {"url": f"ws://{SERVER}:{server.port}/ws", "do": says(1.1, 8), "reconnect": True}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, feed=feed | {"open_timeout": 2.5})
            await echoed(watch, 3, "feed")
            hosts.router.wall(f"ip daddr {SERVER} drop", name="up")
            await within(watch, 30, "close", "feed")
            await watch.until(lambda line: line["type"] == "close", 20, count=2)
            await over(watch, "feed")
            await leave(watch, status=1)
    recorder.keep("lark-way-up-is-lost-lone", watch)


async def wifi_is_switched_off(start: Starter, recorder: Recorder) -> None:
    """The radio is switched off: a SockJS page that polls and a chat that pings end. A program here is well."""
    with routed() as hosts:
        hosts.be_patient(3)
        at_home(hosts)
        page = await begun(hosts.server, start, SockJsNode, heartbeat_delay=2500)
        server = await begun(hosts.server, start, Fastify)
        doors(hosts, page, server)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                here={"url": HERE, "do": says(2.1, 40)},
                page={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "xhr-polling"}
                | {"do": says(1.4, 10)},
                chat={"url": f"ws://{SERVER}:{server.port}/ws", "do": says(0.9, 4)}
                | {"ping_interval": 1.7, "ping_timeout": 4.0, "close_timeout": 1.0},
            )
            await echoed(watch, 3, "chat")
            hosts.client.ip("link", "set", "eth0", "down")
            for name in ("page", "chat"):
                await within(watch, 40, "close", name)
            await over(watch, "page", "chat")
            await leave(watch, "here", status=1)
    recorder.keep("lark-wifi-switched-off-polls", watch)


async def a_slow_mobile_way(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A way of a fifth of a second that loses one packet in fourteen: TLS, STOMP and SockJS go on and are well."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Gobwas)
        page = await begun(hosts.server, start, SockJsNode, heartbeat_delay=2800)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        doors(hosts, page)
        hosts.start_stomp(beat_every=2500, wants=2500)
        hosts.weather(delay=0.1, jitter=0.03, lose=0.03)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                chat={"url": f"{url}ws", "do": says(1.3, 10)} | trusts(certificate),
                till={"url": f"stomp+ws://{SERVER}:8082/", "heart_beat": "2500,2500"},
                page={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "xhr-streaming"},
            )
            await echoed(watch, 4, "chat")
            await beaten(watch, 2, "till")
            await leave(watch, "chat", "till", "page", status=0)
    recorder.keep("lark-none-slow-mobile-way", watch)


async def test_memories_and_losses(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Several networks at a time; most of the time is spent waiting."""
    runs = (a_home_router_forgets, a_train_loses_a_quarter)
    await side_by_side((*(run(start, recorder) for run in runs), a_microwave_loses_pongs(start, certificate, recorder)))


async def test_narrow_lines(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Several networks at a time; most of the time is spent waiting."""
    runs = (an_export_fills_the_way_down, photos_fill_the_way_up)
    await side_by_side((*(run(start, recorder) for run in runs), a_slow_mobile_way(start, certificate, recorder)))


async def test_dark_lines(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Several networks at a time; most of the time is spent waiting."""
    runs = (the_way_up_is_lost, wifi_is_switched_off)
    await side_by_side(
        (*(run(start, recorder) for run in runs), all_to_one_site_is_dropped(start, certificate, recorder))
    )
