"""Programs that are deployed anew, die, throw a client out or say goodbye, next to sessions that do not notice."""

import asyncio
import os
import signal

import pytest

from tests.probing import seen
from tests.servers.again import back
from tests.servers.between import assert_cut, says, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.goapps import Gobwas
from tests.servers.house import house
from tests.servers.lesser import Hitch
from tests.servers.lines import echoed
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.node_apps import Gateway, StompBroker
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_broker_is_deployed_again(start: Starter, recorder: Recorder) -> None:
    """stomp-broker-js gets a SIGTERM; two seconds later the new version listens, and both tills are in again."""
    server, other = start(StompBroker), start(NodeWs)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "pos1", command="SEND", dir="out", count=3)
        await asyncio.to_thread(server.end, signal.SIGTERM)
        for name in ("pos1", "pos2"):
            await seen(watch, "close", name)
        await asyncio.sleep(2)
        await asyncio.to_thread(server.begin)
        for name in ("pos1", "pos2"):
            await back(watch, name, "stomp")

    tables = {
        "shop": ws(other.port, do=says(1.4, 8)),
        "pos1": {"url": server.url, "heart_beat": "0,0", "reconnect": True, "do": says(1.1, 4, "stomp-send /sales 1")},
        "pos2": {"url": server.url, "heart_beat": "0,0", "reconnect": True, "subscribe": ["/sales"]},
    }
    watch = await staged(tables, "pos1", "pos2", strike=strike)
    assert_cut(watch, "pos1", "pos2")
    recorder.keep("oak-stompbroker-deployed-again", watch)


async def test_a_go_program_dies(start: Starter, recorder: Recorder) -> None:
    """The kernel kills gobwas behind Caddy; an idle and a busy one are cut, and nobody starts it again."""
    server, other = start(Gobwas), start(NodeWs)
    caddy = start(Caddy, server.port)

    async def strike(watch: Watch) -> None:
        await echoed(watch, 4, "cart")
        os.kill(server.pid, signal.SIGKILL)

    tables = {
        "other": ws(other.port, do=says(1.5, 8)),
        "cart": ws(caddy.port, "/ws", do=says(0.8, 8)),
        "idle": ws(caddy.port, "/ws"),
    }
    watch = await staged(tables, "cart", "idle", strike=strike, stage="http", ok=False)
    assert_cut(watch, "cart", "idle")
    recorder.keep("oak-caddy-gobwas-killed", watch)


async def test_a_bot_is_thrown_out(recorder: Recorder) -> None:
    """The chat's program drops the transport of one client that talks; the others are left alone."""
    async with house(ping_interval=None) as app:

        async def strike(watch: Watch) -> None:
            await echoed(watch, 4, "bot")
            app.clients["bot"].transport.abort()

        tables = {
            "anna": ws(app.port, "/?user=anna", do=says(1.2, 7, "send hi all")),
            "ben": ws(app.port, "/?user=ben", ping_interval=2.2),
            "bot": ws(app.port, "/?user=bot", do=says(0.6, 7, "send buy now")),
        }
        watch = await staged(tables, "bot", strike=strike)
    assert_cut(watch, "bot")
    recorder.keep("oak-python-bot-thrown-out", watch)


async def test_a_gateway_goes_home(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """1001 for everybody behind hitch as the gateway stops; a socket at another server is well."""
    gateway, other = start(Gateway, stop=[1001, "Server shutting down"], tick=1300), start(NodeWs)
    hitch = start(Hitch, gateway.port, certificate)

    def user(name: str) -> str:
        return f"wss://localhost:{hitch.port}/?token={gateway.token(name)}"

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "wall", dir="in", opcode=1, count=4)
        os.kill(gateway.pid, signal.SIGTERM)

    tables = {
        "other": ws(other.port, ping_interval=1.6),
        "desk": wss(hitch.port, certificate, do=says(1.0, 6)) | {"url": user("desk")},
        "wall": wss(hitch.port, certificate) | {"url": user("wall")},
    }
    watch = await staged(tables, "desk", "wall", strike=strike)
    assert {watch.the("close", name)["received"]["code"] for name in ("desk", "wall")} == {1001}
    recorder.keep("oak-hitch-gateway-1001-shutting-down", watch)
