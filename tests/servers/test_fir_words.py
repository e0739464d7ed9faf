"""Words that one side does not take: a frame out of place, a photo, a text, a bad word, half an export."""

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Opcode

from tests.servers.between import says, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.starting import Starter
from tests.servers.traefik import Traefik

pytestmark = [pytest.mark.real, pytest.mark.extra]

PHOTO = "ffd8e0" * 1000


def charts(connection: Connection) -> None:
    """A home-made server that says two charts well and forgets the beginning of the third."""
    connection.upgrade()
    for number in (1, 2):
        connection.receive()
        connection.frame(Opcode.TEXT, f'{{"chart":{number},"points":[3,1,4]}}'.encode())
    connection.receive()
    connection.frame(Opcode.CONT, b'"points":[1,5,9]}')
    connection.read_to_end()


async def test_a_chart_continues_nothing(start: Starter, recorder: Recorder) -> None:
    """A home-made server behind HAProxy says a continuation of no message; a session at Node is well."""
    app = start(NodeWs)
    with ScriptedServer(charts) as server:
        haproxy = start(HaProxy, server.port)
        tables = {
            "chart": ws(haproxy.port, "/charts", no_compression=True, do=says(0.9, 3, "send next")),
            "table": ws(app.port, "/tables", do=says(1.1, 5, "send next")),
        }
        watch = await staged(tables, "chart")
    assert watch.the("close", "chart")["sent"]["code"] == 1002
    recorder.keep("fir-haproxy-chart-continues-nothing", watch)


async def test_a_photo_is_too_big(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The application takes 2 KiB at a time, and a phone sends a photo of 6 KB; by Caddy with TLS."""
    async with house(max_size=2048) as app:
        caddy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")
        url, base = f"wss://localhost:{caddy.port}/?user=", wss(caddy.port, certificate)
        tables = {
            "phone": base | {"url": url + "phone", "do": ["0.7 send hi", "1.5 send look", f"2.4 send {PHOTO}"]},
            "tablet": base | {"url": url + "tablet", "do": says(1.0, 5, "send hi")},
        }
        watch = await staged(tables, "phone", stage="tls")
    assert watch.the("close", "phone")["received"]["code"] == 1009
    recorder.keep("fir-caddy-photo-too-big-1009", watch)


async def protobuf(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that speaks protobuf and nothing else."""
    if isinstance(message, str):
        await client.close(1003, "text frames are not supported")
    else:
        await client.send(message)


async def test_text_where_protobuf_is_spoken(start: Starter, recorder: Recorder) -> None:
    """Somebody's script tries JSON with an application of protobuf behind nginx; the proper client is well."""
    async with house(protobuf) as app:
        nginx = start(Nginx, app.port)
        tables = {
            "script": ws(nginx.port, "/?user=script", do=["0.9 send-binary 0a0568656c6c6f", '2.2 send {"op":"hello"}']),
            "client": ws(nginx.port, "/?user=client", do=says(1.1, 5, "send-binary 0a0568656c6c6f")),
        }
        watch = await staged(tables, "script")
    assert_said(watch.the("close", "script"), 1003, "text frames are not supported")
    recorder.keep("fir-nginx-text-where-protobuf-is-1003", watch)


def export(connection: Connection) -> None:
    """Says how far it is, and then ends in the middle of what it exports."""
    connection.upgrade()
    connection.receive()
    connection.frame(Opcode.TEXT, b"preparing 1200 rows")
    connection.receive()
    connection.send(b"\x81\x7e\x05\xdc" + b"2026-11-27;4711;12.50\n" * 20)
    connection.fin()
    connection.read_to_end()


async def test_an_export_ends_in_a_frame(start: Starter, recorder: Recorder) -> None:
    """A server says 440 of 1500 bytes of a message and ends TCP; one at Node is well."""
    app = start(NodeWs)
    with ScriptedServer(export) as server:
        tables = {
            "export": ws(server.port, "/export", no_compression=True, do=["0.8 send start", "2.0 send go"]),
            "other": ws(app.port, "/live", do=says(1.2, 5)),
        }
        watch = await staged(tables, "export")
    assert watch.the("close", "export")["received"] is None
    recorder.keep("fir-export-ends-in-a-frame", watch)


async def manners(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that minds what is said."""
    if message == "damn":
        await client.close(1008, "message violates the house rules")
    else:
        await client.send(message)


async def test_a_bad_word(start: Starter, recorder: Recorder) -> None:
    """Who swears in the chat behind Traefik is shown the door with 1008; who does not is not."""
    async with house(manners) as app:
        traefik = start(Traefik, app.port)
        tables = {
            "rude": ws(traefik.port, "/?user=rude", do=["0.6 send hello", "1.9 send damn"]),
            "polite": ws(traefik.port, "/?user=polite", do=says(1.0, 5, "send hello")),
        }
        watch = await staged(tables, "rude")
    assert_said(watch.the("close", "rude"), 1008, "message violates the house rules")
    recorder.keep("fir-traefik-bad-word-1008", watch)
