"""Words that are not taken: bytes, text that was cut, sizes, a long ping, a rule of a room, a subprotocol."""

import json
from collections.abc import Sequence

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.typing import Subprotocol

from tests.servers.apache import Apache
from tests.servers.between import Table, says, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.frameworks import Sanic
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.jvm import JavaWebSocket
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel

pytestmark = [pytest.mark.real, pytest.mark.extra]

STATISTICS = "8afe00c800000000" + b'{"uptime":417,"heap":81532}'.ljust(200, b" ").hex()
"""A pong of ours with more than a control frame may hold: a device's keep-alive that grew."""


async def json_only(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that parses what it is sent as JSON, and takes it as text only."""
    if isinstance(message, bytes):
        await client.close(1003, "expected text")
    else:
        await client.send(json.dumps({"stored": len(message)}))


async def test_a_sensor_that_says_cbor(start: Starter, recorder: Recorder) -> None:
    """Its firmware switches to CBOR after the first words; behind Apache, and another sensor has the old one."""
    async with house(json_only, ping_interval=2.3) as app:
        apache = start(Apache, app.port)
        tables = {
            "attic": ws(apache.port, "/?user=attic", do=['0.95 send {"t":21.5}', "2.35 send-binary a16174f94d60"]),
            "cellar": ws(apache.port, "/?user=cellar", do=says(1.25, 6, 'send {"t":11.2}')),
        }
        watch = await staged(tables, "attic")
    assert_said(watch.the("close", "attic"), 1003, "expected text")
    recorder.keep("speech-apache-cbor-1003", watch)


async def cuts_long_lines(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that shows a log, and cuts each line after so many bytes."""
    await client.send(str(message).encode()[:26], text=True)


async def test_a_line_is_cut_in_a_character(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """It counts bytes, and the twenty-sixth of one line is the first of two; behind nginx with TLS."""
    async with house(cuts_long_lines) as app:
        nginx = start(Nginx, app.port, 30, certificate)

        def user(name: str, *do: str) -> Table:
            url = f"wss://localhost:{nginx.port}/?user={name}"
            return wss(nginx.port, certificate, no_compression=True, do=list(do)) | {"url": url}

        tables = {
            "lyon": user("lyon", "0.8 send job 17 has begun", "2.15 send job 17: fichier non trouv\u00e9 dans /srv"),
            "york": user("york", *says(1.1, 5, "send job 18: file not found in /srv")),
        }
        watch = await staged(tables, "lyon")
    assert watch.the("close", "lyon")["sent"]["code"] == 1007
    recorder.keep("speech-nginx-line-cut-in-a-character", watch)


async def test_a_long_form_for_sanic(start: Starter, recorder: Recorder) -> None:
    """Its limit is nine kilobytes, and a form has a drawing in it; behind Caddy, alone."""
    app = start(Sanic, WEBSOCKET_MAX_SIZE=9000)
    caddy = start(Caddy, app.port)
    do = ["0.85 send-repeat f 2500", "2.3 send-repeat f 12500"]
    watch = await staged({"A": ws(caddy.port, no_compression=True, do=do)}, "A")
    assert watch.the("close", "A")["code"] == 1009
    recorder.keep("speech-caddy-sanic-form-1009", watch)


async def test_a_keep_alive_that_grew(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A device puts its statistics into pongs nobody asked for; one day they are too long for Node's ws. By stunnel."""
    app = start(NodeWs)
    stunnel = start(Stunnel, app.port, certificate)
    table = wss(stunnel.port, certificate, no_compression=True)
    tables = {
        "device": table | {"do": ["0.7 send hello", "1.3 raw-frame 8a82000000006f6b", f"2.6 raw-frame {STATISTICS}"]},
        "phone": table | {"do": says(0.95, 5)},
    }
    watch = await staged(tables, "device")
    recorder.keep("speech-stunnel-pong-too-long", watch)


async def test_a_link_in_a_room_without_links(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """1008 and the rule of the room, from Java-WebSocket behind HAProxy with TLS; others chat on."""
    app = start(JavaWebSocket)
    haproxy = start(HaProxy, app.port, certificate=certificate)

    def user(name: str, *do: str) -> Table:
        url = f"wss://localhost:{haproxy.port}/live?user={name}"
        return wss(haproxy.port, certificate, do=list(do)) | {"url": url}

    rule = "links are not allowed in this room"
    tables = {
        "eve": user("eve", *says(0.9, 2), f"2.75 send close 1008 {rule}"),
        "fay": user("fay", *says(1.3, 6)),
    }
    watch = await staged(tables, "eve")
    assert_said(watch.the("close", "eve"), 1008, rule)
    recorder.keep("speech-haproxy-java-websocket-links-1008", watch)


def ocpp(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The newest is spoken; who does not offer it is let in without one."""
    return Subprotocol("ocpp2.0.1") if "ocpp2.0.1" in offered else None


async def station(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that minds at the first message which of them was agreed upon."""
    if client.subprotocol is None:
        await client.close(1002, "protocols mismatched")
    else:
        await client.send(message)


async def test_an_old_charge_point(start: Starter, recorder: Recorder) -> None:
    """It offers ``ocpp1.6``, and the station's server dropped that; through ssh, where a new one is served."""
    async with house(station, select_subprotocol=ocpp) as app:
        tunnel = start(SshTunnel, app.port)
        new = ws(tunnel.port, "/?user=cp2", subprotocol=["ocpp2.0.1"], do=says(0.8, 5, 'send [2,"1","Heartbeat",{}]'))
        old = ws(tunnel.port, "/?user=cp1", subprotocol=["ocpp1.6"], do=['1.5 send [2,"1","BootNotification",{}]'])
        watch = await staged({"cp2": new, "cp1": old}, "cp1")
    assert_said(watch.the("close", "cp1"), 1002, "protocols mismatched")
    recorder.keep("speech-ssh-ocpp-subprotocol", watch)
