"""Services that talk JSON, or lines, with their users and end a talk for a reason they give."""

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, says, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.lesser import Lighttpd, Nghttpx, Varnish
from tests.servers.lines import leave
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

CABLE = "actioncable-v1-json"


def at(port: int, user: str, *do: str, **options: object) -> Table:
    """A user's raw session and what it says."""
    return ws(port, f"/?user={user}", do=list(do), **options)


def tls(port: int, certificate: Certificate, user: str, *do: str, **options: object) -> Table:
    """The same over TLS."""
    return wss(port, certificate, do=list(do), **options) | {"url": f"wss://localhost:{port}/?user={user}"}


async def test_a_key_that_was_revoked(start: Starter, recorder: Recorder) -> None:
    """A trading bot logs in with a key that was revoked: JSON-RPC says so, and the exchange hangs up. By nghttpx."""

    async def exchange(user: str, client: ServerConnection, message: str | bytes) -> None:
        said = json.loads(message)
        if said["method"] == "public/auth" and user == "bot":
            wrong = {"message": "invalid_credentials", "code": 13004}
            await client.send(json.dumps({"jsonrpc": "2.0", "id": said["id"], "error": wrong}))
            await client.close(1008, "authentication failed")
        else:
            await client.send(json.dumps({"jsonrpc": "2.0", "id": said["id"], "result": "ok"}))

    async with house(exchange) as app:
        nghttpx = start(Nghttpx, app.port)
        auth = 'send {"jsonrpc":"2.0","id":9,"method":"public/auth"}'
        ticker = 'send {"jsonrpc":"2.0","id":4,"method":"public/ticker"}'
        tables = {
            "desk": at(nghttpx.port, "desk", f"0.4 {auth}", *says(1.1, 6, ticker)),
            "bot": at(nghttpx.port, "bot", f"0.9 {ticker}", f"2.2 {auth}"),
        }
        watch = await staged(tables, "bot")
    assert watch.the("close", "bot")["code"] == 1008
    recorder.keep("teal-nghttpx-exchange-invalid-credentials", watch)


async def test_a_wall_kept_its_old_token(start: Starter, recorder: Recorder) -> None:
    """A realtime service tells a wall display that its token ran out and closes its channel, then 1000. By Apache."""

    async def realtime(user: str, client: ServerConnection, message: str | bytes) -> None:
        said = json.loads(message)
        if user == "wall" and said["ref"] == "4":
            why = {"status": "error", "channel": "orders", "message": "Token has expired 3 seconds ago"}
            await client.send(json.dumps({"topic": "realtime:orders", "event": "system", "payload": why, "ref": None}))
            await client.send('{"topic":"realtime:orders","event":"phx_close","payload":{},"ref":null}')
            await client.close(1000)
        else:
            reply = {"topic": said["topic"], "event": "phx_reply", "payload": {"status": "ok"}, "ref": said["ref"]}
            await client.send(json.dumps(reply))

    async with house(realtime) as app:
        apache = start(Apache, app.port)

        def talk(every: float) -> list[str]:
            beat = '{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"%d"}'
            join = '0.3 send {"topic":"realtime:orders","event":"phx_join","payload":{},"ref":"0"}'
            return [join, *(f"{n * every:.1f} send {beat % n}" for n in range(1, 6))]

        tables = {"phone": at(apache.port, "phone", *talk(1.2)), "wall": at(apache.port, "wall", *talk(0.8))}
        watch = await staged(tables, "wall")
    recorder.keep("teal-apache-channel-token-has-expired", watch)


async def cable(_: str, client: ServerConnection, message: str | bytes) -> None:
    """Rails' Action Cable, as far as a client sees it."""
    said = json.loads(message)
    kind = "confirm_subscription" if said["command"] == "subscribe" else "ping"
    await client.send(json.dumps({"type": kind, "identifier": said["identifier"]}))


def cabled(every: float, until: float) -> list[str]:
    """What a page of a Rails application says."""
    words = r'send {"command":"%s","identifier":"{\"channel\":\"Inbox\"}"}'.replace("\\", "\\\\")
    return [f"0.4 {words % 'subscribe'}", *says(every, until, words % "message")]


async def test_an_administrator_ends_a_user(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An administrator disconnects one user of a Rails application by hand: it is told ``remote``. HAProxy, TLS."""
    async with house(cable, subprotocols=[CABLE]) as app:
        haproxy = start(HaProxy, app.port, certificate=certificate)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "fired", dir="in", opcode=1, count=4)
            await app.clients["fired"].send('{"type":"disconnect","reason":"remote","reconnect":false}')
            await app.clients["fired"].close(1000, "disconnected by administrator")

        base: Table = {"subprotocol": [CABLE]}
        tables = {
            "boss": tls(haproxy.port, certificate, "boss", *cabled(1.3, 6)) | base,
            "fired": tls(haproxy.port, certificate, "fired", *cabled(0.8, 6)) | base,
        }
        watch = await staged(tables, "fired", strike=strike)
    recorder.keep("teal-haproxy-cable-disconnected-by-remote", watch)


async def test_a_rails_application_restarts(start: Starter, recorder: Recorder) -> None:
    """A Rails application says ``server_restart`` to both its pages and takes them back; by Caddy. Another stays."""
    other = start(NodeWs)
    async with house(cable, subprotocols=[CABLE]) as app, probing("--stdin", **POSTMORTEM) as watch:
        caddy = start(Caddy, app.port)
        base: Table = {"subprotocol": [CABLE], "reconnect": True}
        await opened(
            watch,
            other=ws(other.port, do=says(1.2, 7)),
            a=at(caddy.port, "a", *cabled(0.8, 3)) | base,
            b=at(caddy.port, "b", *cabled(1.9, 2)) | base,
        )
        await seen(watch, "frame", "a", dir="in", opcode=1, count=4)
        for name in ("a", "b"):
            client = app.clients[name]
            await client.send('{"type":"disconnect","reason":"server_restart","reconnect":true}')
            await client.close(1000)
        for name in ("a", "b"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(0.8)
        await leave(watch, "other")
    recorder.keep("teal-caddy-cable-server-restart", watch)


async def test_a_driver_has_a_new_phone(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A driver signs in on a new phone, and the old one is told so and closed; by stunnel. A colleague drives on."""
    async with house() as app:
        stunnel = start(Stunnel, app.port, certificate)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "old", dir="in", opcode=1, count=3)
            new = tls(stunnel.port, certificate, "new", *says(1.2, 4, "send at 52.5,13.4"))
            assert (await open_session(watch, name="new", **new))["ok"]
            await seen(watch, "open", "new")
            await app.clients["old"].send('{"event":"signed_out","cause":"SIGNED_IN_ON_ANOTHER_DEVICE"}')
            await app.clients["old"].close(4090, "signed in on another device")

        tables = {
            "colleague": tls(stunnel.port, certificate, "colleague", *says(1.1, 7, "send at 52.4,13.1")),
            "old": tls(stunnel.port, certificate, "old", *says(0.7, 4, "send at 52.5,13.4")),
        }
        watch = await staged(tables, "old", strike=strike, stage="tls")
    assert watch.the("close", "old")["code"] == 4090
    recorder.keep("teal-stunnel-driver-signs-in-on-new-phone", watch)


async def test_a_bot_floods_a_channel(start: Starter, recorder: Recorder) -> None:
    """IRC over WebSocket: a bot says too much too fast and its link is closed for it, 1000 follows. By Varnish."""
    lines: list[str] = []

    async def irc(user: str, client: ServerConnection, message: str | bytes) -> None:
        if str(message).startswith("PING"):
            await client.send(f"PONG {message!s}")
        lines.append(user)
        if user == "bot" and lines.count("bot") == 7:
            await client.send("ERROR :Closing Link: bot[127.0.0.1] (Excess Flood: too many messages)")
            await client.close(1000)

    async with house(irc, subprotocols=["text.ircv3.net"]) as app:
        varnish = start(Varnish, app.port)
        base: Table = {"subprotocol": ["text.ircv3.net"]}
        burst = [f"{2.1 + n * 0.08:.2f} send PRIVMSG #ops :disk {n}0 %" for n in range(8)]
        tables = {
            "kim": at(varnish.port, "kim", "0.3 send NICK kim", *says(1.2, 6, "send PING irc.example")) | base,
            "bot": at(varnish.port, "bot", "0.3 send NICK bot", *burst) | base,
        }
        watch = await staged(tables, "bot")
    recorder.keep("teal-varnish-irc-flood-closing-link", watch)


async def test_a_guest_joins_the_wrong_channel(start: Starter, recorder: Recorder) -> None:
    """A guest asks for a channel of the staff and is refused it, 1008; another guest stays in the lobby. lighttpd."""

    async def channels(_: str, client: ServerConnection, message: str | bytes) -> None:
        said = json.loads(message)
        if said["channel"] == "staff":
            await client.send('{"event":"subscription_error","channel":"staff","status":403}')
            await client.close(1008, "not permitted to subscribe to channel staff")
        else:
            await client.send(json.dumps({"event": "subscription_succeeded", "channel": said["channel"]}))

    async with house(channels) as app:
        lighttpd = start(Lighttpd, app.port)
        lobby = 'send {"event":"subscribe","channel":"lobby"}'
        tables = {
            "other": at(lighttpd.port, "other", *says(1.3, 6, lobby)),
            "guest": at(lighttpd.port, "guest", f"0.8 {lobby}", f"2.3 {lobby.replace('lobby', 'staff')}"),
        }
        watch = await staged(tables, "guest")
    assert watch.the("close", "guest")["code"] == 1008
    recorder.keep("teal-lighttpd-channel-not-permitted", watch)
