"""What boxes and lines do at night, and runs that look bad and are not: a restart of a box, a nap, a reload."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, seen
from tests.servers.ashore import begun, doors, forgets
from tests.servers.between import Table, opened, says, sockjs, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.frozen import freeze
from tests.servers.goapps import Melody
from tests.servers.golang import Coder
from tests.servers.lines import beaten, echoed, elsewhere, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.node import NodeStomp, NodeWs
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.rustapps import Axum
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_box_has_a_short_memory(start: Starter, recorder: Recorder) -> None:
    """It forgets after three quiet seconds and swallows the reader's next word; who talks every second is well."""
    with routed() as hosts:
        hosts.be_patient(4)
        forgets(hosts, 3)
        server = await begun(hosts.server, start, Coder)
        doors(hosts, server)
        url = f"ws://{SERVER}:{server.port}/ws"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, talks={"url": url, "do": says(1.3, 24)})
            await opened(watch, reads={"url": url, "do": ["0.5 send page 1", "6.2 send page 2", "7.1 send page 2?"]})
            await within(watch, 30, "close", "reads")
            await over(watch, "reads")
            await leave(watch, "talks", status=1)
    assert watch.of("end", "reads")[0]["how"] == "timeout"
    recorder.keep("tide-nat-short-memory-coder", watch)


async def test_beats_are_rarer_than_a_box_remembers(start: Starter, recorder: Recorder) -> None:
    """A desk and its broker beat every seven seconds, a firewall forgets after four and answers by a RST."""
    with routed() as hosts:
        forgets(hosts, 4, reset=True)
        server = await begun(hosts.server, start, NodeStomp, beatEvery=7000, beats=100, wants=1500)
        doors(hosts, server)
        url = f"stomp+ws://{SERVER}:{server.port}/"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, shop={"url": url, "heart_beat": "1500,7000"})
            await opened(watch, desk={"url": url, "heart_beat": "7000,7000"})
            await within(watch, 20, "close", "desk")
            await over(watch, "desk")
            await leave(watch, "shop", status=1)
    assert watch.of("end", "desk")[0]["how"] == "reset"
    recorder.keep("tide-nat-beats-too-rare-reset", watch)


async def test_an_upload_never_arrives(start: Starter, recorder: Recorder) -> None:
    """A tunnel on the way takes packets of a thousand bytes and tells nobody: small words pass before and beside."""
    with routed() as hosts:
        hosts.be_patient(5)
        server = await begun(hosts.server, start, Axum)
        doors(hosts, server)
        hosts.router.wall(f"ip daddr {SERVER} meta length > 1000 drop")
        url = f"ws://{SERVER}:{server.port}/ws"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, chat={"url": url, "do": says(1.6, 30)})
            await opened(watch, uploads={"url": url, "no_compression": True, "do": says(0.7, 2)})
            await echoed(watch, 2, "uploads")
            await ask(watch, "send-repeat x 6000", "uploads")
            await within(watch, 40, "close", "uploads")
            await over(watch, "uploads")
            await leave(watch, "chat", status=1)
    recorder.keep("tide-mtu-upload-never-arrives-axum", watch)


async def test_a_price_list_never_comes(start: Starter, recorder: Recorder) -> None:
    """melody tells a board a long list that the way down swallows; the desk that had it told is well."""
    with routed() as hosts:
        hosts.be_patient(8)
        server = await begun(hosts.server, start, Melody)
        doors(hosts, server)
        url = f"ws://{SERVER}:{server.port}/ws"
        pings = {"ping_interval": 1.4, "ping_timeout": 5.0, "no_compression": True, "close_timeout": 1.5}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, board={"url": url} | pings)
            await opened(
                watch, desk={"url": url, "do": ["0.6 send a", "2.2 send flood 2 400", "4.1 send flood 1 7000"]}
            )
            await seen(watch, "frame", "board", dir="in", opcode=10)
            hosts.router.wall(f"ip saddr {SERVER} meta length > 900 drop")
            await within(watch, 30, "close", "board")
            await over(watch, "board")
            await leave(watch, "desk", status=1)
    assert len(watch.of("frame", "board", dir="in", opcode=1)) == 2
    recorder.keep("tide-mtu-price-list-never-comes-melody", watch)


async def test_a_router_starts_anew_and_nobody_minds(start: Starter, recorder: Recorder) -> None:
    """It forgets all flows and takes the next packet for the first of one: beats, talk and a reader go on."""
    with routed() as hosts, elsewhere(hosts):
        server = await begun(hosts.server, start, NodeStomp, beatEvery=1500, beats=100)
        app = await begun(hosts.server, start, Coder)
        doors(hosts, server, app)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                desk={"url": f"stomp+ws://{SERVER}:{server.port}/", "heart_beat": "1500,1500"},
                chat={"url": f"ws://{SERVER}:{app.port}/ws", "do": says(1.0, 12)},
                quiet={"url": f"ws://{SERVER}:{app.port}/ws", "do": ["0.5 send hello", "7.5 send there?"]},
            )
            await beaten(watch, 2, "desk")
            hosts.router.wall("ip protocol tcp drop", name="boot")
            await asyncio.sleep(1.1)
            hosts.forget_flows()
            hosts.router.no_wall("boot")
            await beaten(watch, 2, "desk")
            await seen(watch, "frame", "quiet", dir="in", opcode=1, count=2)
            await leave(watch, "desk", "chat", "quiet", status=0)
    recorder.keep("tide-router-anew-and-well", watch)


async def test_a_night_of_small_things(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Caddy is reloaded, a server stands still for two seconds, an operator's words are of trouble: all are well."""
    server, feed = start(NodeWs), start(SockJsTornado, heartbeat_delay=1.2)
    caddy = start(Caddy, server.port, close_delay=60, tls=f"{certificate.chain} {certificate.key}")

    async def strike(watch: Watch) -> None:
        await echoed(watch, 2, "ops")
        await asyncio.to_thread(caddy.reload)
        await ask(watch, "send 1011 upstream connection lost, reconnecting to 10.0.0.7 (ETIMEDOUT)", "ops")
        await echoed(watch, 2, "ops")
        freeze(server.pid)
        await asyncio.sleep(2.1)
        os.kill(server.pid, signal.SIGCONT)
        await echoed(watch, 2, "ops")
        await seen(watch, "sockjs", "feed", kind="h", count=4)

    tables: dict[str, Table] = {
        "ops": wss(caddy.port, certificate, do=says(0.7, 9)),
        "pings": wss(caddy.port, certificate, ping_interval=1.5, ping_timeout=5),
        "feed": sockjs(feed.port, "xhr-polling"),
        "plain": ws(server.port, ping_interval=1.1, ping_timeout=4),
    }
    watch = await staged(tables, strike=strike, status=0)
    recorder.keep("tide-caddy-small-things-and-well", watch)
