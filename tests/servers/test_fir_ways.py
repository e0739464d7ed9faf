"""Ends of ways that lead somewhere else: a camera with its own idea of HTTP, Redis, and a feed beside refusals."""

from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Opcode
from websockets.http11 import Request, Response

from tests.servers.between import answer, refused, says, stomp, ws
from tests.servers.child import Daemon, installed
from tests.servers.house import house
from tests.servers.node import NodeStomp, NodeWs
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer, switching
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]


class Redis(Daemon):
    """Redis with nothing in it and nothing on disk."""

    def __init__(self, home: Path) -> None:
        (port,) = free_ports(1)
        words = [installed("redis-server", "redis-server"), "--port", str(port), "--bind", LOOPBACK, "--save", ""]
        super().__init__(port, [*words, "--dir", str(home)], log=home / "redis.log")


def camera(connection: Connection) -> None:
    """Switches protocols, it says, and names a connection that is kept alive instead of one that is upgraded."""
    head = switching(connection.read_request()).replace("Connection: Upgrade", "Connection: keep-alive")
    connection.send(f"{head}Server: CamHttpd/1.0\r\n\r\n".encode())
    connection.read_to_end()


async def test_a_camera_keeps_alive(start: Starter, recorder: Recorder) -> None:
    """A camera's 101 has ``Connection: keep-alive``; a session at a proper server is well."""
    app = start(NodeWs)
    with ScriptedServer(camera) as server:
        watch = await refused(
            {"camera": ws(server.port, "/stream")}, after=1.1, before=1.3, screen=ws(app.port, do=says(1.0, 3))
        )
    assert answer(watch, "camera") == 101
    recorder.keep("fir-camera-connection-keep-alive", watch)


async def test_stomp_to_redis(start: Starter, recorder: Recorder) -> None:
    """A worker was given the cache's port for the broker's; Redis knows no ``CONNECT``. Another worker beats."""
    redis, broker = start(Redis), start(NodeStomp, beatEvery=1400)
    watch = await refused(
        {"worker": stomp(redis.port, "1500,1500", open_timeout=4)},
        after=0.9,
        before=1.5,
        other={"url": f"stomp+ws://{LOOPBACK}:{broker.port}/", "heart_beat": "1400,1400"},
    )
    assert not watch.of("stomp", "worker", dir="in", command="CONNECTED")
    recorder.keep("fir-stomp-to-redis-port", watch)


async def gate(client: ServerConnection, request: Request) -> Response | None:
    """An application with three ways not to be let in."""
    path = request.path.partition("?")[0]
    if path == "/rooms/17":
        return client.respond(HTTPStatus.NOT_FOUND, "no room 17\n")
    if path == "/search":
        return client.respond(HTTPStatus.SERVICE_UNAVAILABLE, "index is being built\n")
    if path == "/devices":
        return client.respond(HTTPStatus.UNPROCESSABLE_ENTITY, "which device?\n")
    return None


async def test_a_feed_is_well_beside_refusals(recorder: Recorder) -> None:
    """Three of one application's sessions are refused, each for a reason of its own; a fourth and a quiet one stay."""
    async with house(process_request=gate) as app:
        watch = await refused(
            {
                "locked": ws(app.port, "/rooms/17?user=locked"),
                "early": ws(app.port, "/search?user=early"),
                "nameless": ws(app.port, "/devices?user=nameless"),
            },
            after=1.0,
            before=2.2,
            feed=ws(app.port, "/feed?user=feed", do=says(0.9, 4)),
            quiet=ws(app.port, "/feed?user=quiet"),
        )
    assert [answer(watch, name) for name in ("locked", "early", "nameless")] == [404, 503, 422]
    assert watch.of("frame", "feed", dir="in", opcode=Opcode.TEXT)
    recorder.keep("fir-feed-well-beside-three-refusals", watch)
