"""Programs that fail or mind what they are told: too large, too often, not allowed, at their own end."""

import asyncio
import signal

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, seen
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Daphne
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, assert_cut, says, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.forward import Connect
from tests.servers.frameworks import Aiohttp, Tornado
from tests.servers.goapps import Gobwas, Melody
from tests.servers.haproxy import HaProxy
from tests.servers.homely import deliver, stomping
from tests.servers.house import house
from tests.servers.lesser import Hitch, Lighttpd
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings
from tests.servers.node_apps import Gateway, Rules
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def daphne_s_application_raises(start: Starter, recorder: Recorder) -> None:
    """An order is not found and nobody catches that; lighttpd is between. The desk is back and well."""
    app = start(Daphne)
    lighttpd = start(Lighttpd, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "desk", dir="in", opcode=1, count=3)
        await ask(watch, "send raise", "desk")
        await seen(watch, "open", "desk", count=2)
        await asyncio.sleep(1.2)

    tables = {
        "boss": ws(lighttpd.port, do=says(1.3, 8)),
        "desk": ws(lighttpd.port, do=says(0.7, 2.3), reconnect=True),
    }
    watch = await staged(tables, "desk", strike=strike)
    assert watch.of("close", "desk")[0]["initiator"] == "remote"
    recorder.keep("heron-lighttpd-daphne-raises", watch)


async def half_a_second_message(start: Starter, recorder: Recorder) -> None:
    """An export's first message is whole, its second says 500 bytes and has twelve when TCP ends. gobwas by Caddy."""
    app = start(Gobwas)
    caddy = start(Caddy, app.port)
    whole, half = b"\x81\x06name;n", b"\x81\x7e\x01\xf4Anna;4\nBert;"
    tables = {
        "other": ws(caddy.port, "/ws", do=says(1.1, 6)),
        "export": ws(caddy.port, "/ws", do=["0.8 send customers", f"2.1 send part {(whole + half).hex()}"]),
    }
    watch = await staged(tables, "export")
    assert_cut(watch, "export")
    recorder.keep("heron-caddy-gobwas-second-message-half", watch)


async def half_a_message_of_a_broker(start: Starter, recorder: Recorder) -> None:
    """A small STOMP program loses its way in a frame of news for a board; a desk by the same Apache is well."""

    async def news(user: str, client: ServerConnection, message: str | bytes) -> None:
        for n in range(3):
            await deliver(client, "/topic/news", f"headline {n}", n)
            await asyncio.sleep(0.7)
        if user == "board":
            text = b"MESSAGE\nsubscription:0\nmessage-id:3\ndestination:/topic/news\n\nhead"
            client.transport.write(b"\x81\x7e\x04\x00" + text)
            client.transport.close()

    async with house(stomping(news, "news/2"), subprotocols=["v12.stomp"]) as app:
        apache = start(Apache, app.port)

        def at(user: str) -> Table:
            table: Table = {"url": f"stomp+ws://{LOOPBACK}:{apache.port}/?user={user}", "heart_beat": "0,0"}
            return table | {"do": ["0.4 subscribe /topic/news"]}

        watch = await staged({"desk": at("desk"), "board": at("board")}, "board")
    assert_cut(watch, "board")
    recorder.keep("heron-apache-stomp-message-half", watch)


async def too_many_requests(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A bot asks nine times in a second where six are allowed: 4429. A slower one is well; nginx with TLS."""
    app = start(NodeEndings, limit=[6, 4429, "Too Many Requests"])
    nginx = start(Nginx, app.port, 60, certificate)
    burst = [f"{3.1 + n * 0.08:.2f} send price {n}" for n in range(9)]
    tables = {
        "slow": wss(nginx.port, certificate, do=says(0.9, 6, "send price")),
        "bot": wss(nginx.port, certificate, do=["0.8 send price", "1.9 send price", *burst]),
    }
    watch = await staged(tables, "bot", stage="tls")
    assert_said(watch.the("close", "bot"), 4429, "Too Many Requests")
    recorder.keep("heron-nginx-node-too-many-requests-4429", watch)


async def a_sensor_says_too_much(start: Starter, recorder: Recorder) -> None:
    """A sensor that catches up says five things at once, and it is told 1008 and why; by a company's proxy."""
    app = start(Rules, rate={"most": 4, "end": [1008, "message rate limit exceeded (4/s)"]})
    proxy = start(Connect)
    way: Table = {"proxy": f"http://{LOOPBACK}:{proxy.port}"}
    tables = {
        "lamp": ws(app.port, "/?user=lamp", do=says(1.2, 6, "send on")) | way,
        "sensor": ws(
            app.port,
            "/?user=sensor",
            do=says(0.9, 2, "send 21") + [f"{2.8 + n * 0.02:.2f} send 2{n}" for n in range(12)],
        )
        | way,
    }
    watch = await staged(tables, "sensor")
    assert watch.the("close", "sensor")["code"] == 1008
    recorder.keep("heron-tinyproxy-rules-rate-exceeded-1008", watch)


async def a_drawing_is_too_large(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A painter sends a drawing of 70 kB where Tornado takes 32; another one's small ones pass. By hitch."""
    app = start(Tornado, websocket_max_message_size=32768)
    hitch = start(Hitch, app.port, certificate)
    tables = {
        "other": wss(hitch.port, certificate, do=says(1.1, 7, "send line")),
        "painter": wss(hitch.port, certificate, do=[*says(0.8, 2, "send line"), "2.7 send-repeat line 17500"]),
    }
    watch = await staged(tables, "painter", stage="tls")
    recorder.keep("heron-hitch-tornado-drawing-over-its-limit", watch)


async def a_log_is_too_large(start: Starter, recorder: Recorder) -> None:
    """An agent that was offline sends all of its log in one message, 66 kB where melody takes 8; by lighttpd."""
    app = start(Melody, MaxMessage=8192)
    lighttpd = start(Lighttpd, app.port)
    tables = {
        "agent": ws(lighttpd.port, "/ws", do=says(1.2, 6, "send line")),
        "uploader": ws(lighttpd.port, "/ws", do=["0.7 send line", "2.3 send-repeat log 22000"]),
    }
    watch = await staged(tables, "uploader")
    recorder.keep("heron-lighttpd-melody-log-over-its-limit", watch)


async def a_planned_stop(start: Starter, recorder: Recorder) -> None:
    """An aiohttp application says 1001 to a busy and a quiet one and is gone for the night; Envoy stays."""
    app, other = start(Aiohttp, says_bye=[1001, "Server shutdown"]), start(Rules)
    envoy = start(Envoy, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", dir="in", opcode=1, count=4)
        await asyncio.to_thread(app.end, signal.SIGTERM)

    tables = {
        "elsewhere": ws(other.port, "/?user=e", do=says(1.2, 7)),
        "chat": ws(envoy.port, do=says(0.6, 6)),
        "quiet": ws(envoy.port),
    }
    watch = await staged(tables, "chat", "quiet", strike=strike)
    assert {watch.the("close", name)["code"] for name in ("chat", "quiet")} == {1001}
    recorder.keep("heron-envoy-aiohttp-planned-stop-1001", watch)


async def a_gateway_drains(start: Starter, recorder: Recorder) -> None:
    """On SIGTERM it says 1001 to one client after the other, 1.2 s apart; behind HAProxy. Another gateway stays."""
    app, other = start(Gateway, tick=1500, stop=[1001, "instance is scaled in"], drain=1200), start(Gateway, tick=1900)
    haproxy = start(HaProxy, app.port)

    def at(user: str) -> Table:
        return ws(haproxy.port, f"/?token={app.token(user)}")

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "anna", dir="in", opcode=1, count=2)
        await asyncio.to_thread(app.end, signal.SIGTERM)

    tables = {
        "elsewhere": ws(other.port, f"/?token={other.token('carl')}"),
        "anna": at("anna") | {"do": says(1.1, 4)},
        "bert": at("bert"),
    }
    watch = await staged(tables, "anna", "bert", strike=strike)
    assert {watch.the("close", name)["code"] for name in ("anna", "bert")} == {1001}
    recorder.keep("heron-haproxy-gateway-drains-1001", watch)


async def a_room_is_not_for_guests(start: Starter, recorder: Recorder) -> None:
    """A guest asks for the staff's room and is closed with 3003, as the registry has it; staff is in. By nginx."""

    async def rooms(user: str, client: ServerConnection, message: str | bytes) -> None:
        if message == "join staff" and user == "guest":
            await client.close(3003, "Forbidden: not a member of staff")
        else:
            await client.send(f"{message!s}: ok")

    async with house(rooms) as app:
        nginx = start(Nginx, app.port)
        tables = {
            "staff": ws(nginx.port, "/?user=staff", do=["0.6 send join staff", *says(1.4, 6, "send hi")]),
            "guest": ws(nginx.port, "/?user=guest", do=["0.7 send join lobby", "2.4 send join staff"]),
        }
        watch = await staged(tables, "guest")
    assert watch.the("close", "guest")["code"] == 3003
    recorder.keep("heron-nginx-room-forbidden-3003", watch)


async def test_failures_and_limits(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Four programs at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            daphne_s_application_raises(start, recorder),
            half_a_second_message(start, recorder),
            half_a_message_of_a_broker(start, recorder),
            too_many_requests(certificate, start, recorder),
        )
    )


async def test_sizes_and_stops(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Five programs at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            a_drawing_is_too_large(certificate, start, recorder),
            a_log_is_too_large(start, recorder),
            a_planned_stop(start, recorder),
            a_gateway_drains(start, recorder),
            a_room_is_not_for_guests(start, recorder),
        )
    )


async def test_a_rate(start: Starter, recorder: Recorder) -> None:
    """A sensor that catches up."""
    await a_sensor_says_too_much(start, recorder)
