"""Frames and answers that break a rule of WebSocket, or an application's own, with somebody well beside."""

import json

import pytest
from websockets.asyncio.server import ServerConnection

from tests.servers.asgi_hosts import Hypercorn
from tests.servers.between import Table, answer, assert_cut, refused, says, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.jvm import Jetty
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import GraphqlWs
from tests.servers.node_apps import Fastify
from tests.servers.python import PythonEndings
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.uvicorn import Uvicorn

pytestmark = [pytest.mark.real, pytest.mark.extra]

NO_UTF_8 = "818a00000000" + "Müller & Co".encode("latin-1")[:10].hex()
"""A name in Latin-1, as a text message of ours."""

COMPRESSED_UNASKED = "c18700000000ca48cdc9c90700"
"""``Hello`` as permessage-deflate makes it, where nobody agreed upon it."""

INIT = 'send {"type":"connection_init","payload":{"user":"anna"}}'
ASKS = 'send {"id":"1","type":"subscribe","payload":{"query":"subscription { ticks }"}}'


async def test_nginx_answers_with_an_extension(start: Starter, recorder: Recorder) -> None:
    """``add_header`` where a request's header was meant; a program that asks for no compression goes away."""
    app = start(PythonEndings, compression=None)
    rules = "add_header Sec-WebSocket-Extensions permessage-deflate always;"
    nginx = start(Nginx, app.port, rules=rules)
    table: Table = {"no_compression": True, "do": says(0.8, 3)}
    watch = await refused({"through": ws(nginx.port) | table}, after=1.1, before=1.9, past=ws(app.port) | table)
    assert answer(watch, "through") == 101
    recorder.keep("words-nginx-extension-nobody-asked-for", watch)


async def test_a_subprotocol_of_before(start: Starter, recorder: Recorder) -> None:
    """Caddy in front of graphql-ws: the old app speaks what Apollo's library spoke, the new one is served."""
    app = start(GraphqlWs)
    caddy = start(Caddy, app.port)
    new = ws(caddy.port, "/graphql", subprotocol=["graphql-transport-ws"], do=[f"0.2 {INIT}", f"0.6 {ASKS}"])
    old = ws(caddy.port, "/graphql", subprotocol=["graphql-ws"], do=[f"0.2 {INIT}"])

    watch = await staged({"new": new, "old": old}, "old")
    assert watch.the("close", "old")["code"] == 4406
    recorder.keep("words-caddy-graphql-of-before-4406", watch)


async def test_a_name_in_latin_1(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Jetty behind nginx with TLS: all is well until a customer has an umlaut."""
    app = start(Jetty)
    nginx = start(Nginx, app.port, 25, certificate)

    def user(name: str, *do: str) -> Table:
        url = f"wss://localhost:{nginx.port}/live?user={name}"
        return wss(nginx.port, certificate, no_compression=True, do=list(do)) | {"url": url}

    tables = {
        "old": user("old", "0.6 send Meier & Co", "1.35 send Schulz & Co", f"2.6 raw-frame {NO_UTF_8}"),
        "new": user("new", *says(0.85, 5, "send Müller & Co")),
    }
    watch = await staged(tables, "old")
    assert watch.the("close", "old")["code"] == 1007
    recorder.keep("words-nginx-jetty-name-in-latin-1", watch)


async def test_a_picture_for_fastify(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Its limit is twelve kilobytes; thumbnails pass, and one day somebody pastes a photo. Behind HAProxy with TLS."""
    app = start(Fastify, maxPayload=12_000)
    haproxy = start(HaProxy, app.port, certificate=certificate)
    table = wss(haproxy.port, certificate, no_compression=True) | {"url": f"wss://localhost:{haproxy.port}/ws"}
    tables = {
        "paste": table | {"do": ["0.75 send-repeat p 3000", "2.15 send-repeat p 15500"]},
        "chat": table | {"do": says(0.9, 5)},
    }
    watch = await staged(tables, "paste")
    assert watch.the("close", "paste")["code"] == 1009
    recorder.keep("words-haproxy-fastify-photo-1009", watch)


async def test_a_rule_of_an_interface(start: Starter, recorder: Recorder) -> None:
    """FastAPI's ``WebSocketException``: 1008 and what is wrong with the message; uvicorn, by ssh, alone."""
    app = start(Uvicorn)
    tunnel = start(SshTunnel, app.port)
    do = [*says(0.7, 2.2), "2.9 send close 1008 extra fields not permitted: 'coupon'"]
    watch = await staged({"A": ws(tunnel.port, do=do)}, "A")
    assert watch.the("close", "A")["code"] == 1008
    recorder.keep("words-ssh-uvicorn-extra-field-1008", watch)


async def test_compression_nobody_agreed_upon(start: Starter, recorder: Recorder) -> None:
    """A home-made client compresses whatever the answer said; Hypercorn behind nginx does not take it."""
    app = start(Hypercorn)
    nginx = start(Nginx, app.port, 40)
    table = ws(nginx.port, no_compression=True)
    tables = {
        "homemade": table | {"do": ["0.5 send hello", f"1.95 raw-frame {COMPRESSED_UNASKED}"]},
        "browser": table | {"do": says(1.15, 5)},
    }
    watch = await staged(tables, "homemade")
    assert_cut(watch, "homemade")
    recorder.keep("words-nginx-hypercorn-compressed-unasked", watch)


async def text_only(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that knows messages of text."""
    if isinstance(message, bytes):
        await client.close(1003, "binary messages are not supported, send JSON text")
    else:
        await client.send(json.dumps({"got": message}))


async def test_msgpack_for_an_application_of_json(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A new release of the client packs what it says, from the second message on; over TLS by stunnel."""
    async with house(text_only) as app:
        stunnel = start(Stunnel, app.port, certificate)

        def user(name: str, *do: str) -> Table:
            return wss(stunnel.port, certificate, do=list(do)) | {"url": f"wss://localhost:{stunnel.port}/?user={name}"}

        tables = {
            "v3": user("v3", '0.8 send {"v":3}', "2.25 send-binary 82a26f70a57072696365a16e07"),
            "v2": user("v2", *says(1.0, 5, 'send {"op":"price"}')),
        }
        watch = await staged(tables, "v3")
    assert_said(watch.the("close", "v3"), 1003, "binary messages are not supported, send JSON text")
    recorder.keep("words-stunnel-msgpack-1003", watch)


async def rooms(user: str, client: ServerConnection, message: str | bytes) -> None:
    """An application in which some may only look."""
    if '"op":"edit"' in str(message) and user != "editor":
        await client.close(4403, "viewers may not edit this document")
    else:
        await client.send(message)


async def test_a_viewer_edits(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """He was let in to look, and so he did; the editor's change is taken. Behind nginx with TLS."""
    async with house(rooms) as app:
        nginx = start(Nginx, app.port, 30, certificate)

        def user(name: str, *do: str) -> Table:
            return wss(nginx.port, certificate, do=list(do)) | {"url": f"wss://localhost:{nginx.port}/?user={name}"}

        tables = {
            "viewer": user("viewer", *says(0.65, 2, 'send {"op":"view"}'), '2.4 send {"op":"edit","at":17}'),
            "editor": user("editor", *says(1.2, 5, 'send {"op":"edit","at":4}')),
        }
        watch = await staged(tables, "viewer")
    assert_said(watch.the("close", "viewer"), 4403, "viewers may not edit this document")
    recorder.keep("words-nginx-viewer-edits-4403", watch)
