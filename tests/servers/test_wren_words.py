"""Applications that say in JSON, in MQTT or in a Close why they are done with one of their users."""

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, says, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.house import house
from tests.servers.lesser import Hitch, Lighttpd, Nghttpx, Redir
from tests.servers.lines import leave
from tests.servers.nginx import Certificate
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_link_from_a_new_account(start: Starter, recorder: Recorder) -> None:
    """A forum's chat closes 1008 for a link in somebody's first message; who writes words goes on. By lighttpd."""

    async def forum(_: str, client: ServerConnection, message: str | bytes) -> None:
        if "https://" in str(message):
            await client.close(1008, "community guidelines: no links from new accounts")
        else:
            await client.send(message)

    async with house(forum) as app:
        lighttpd = start(Lighttpd, app.port)
        tables = {
            "mia": ws(lighttpd.port, "/?user=mia", do=says(0.9, 6, "send how do I whittle a spoon?")),
            "newbie": ws(
                lighttpd.port, "/?user=newbie", do=["0.7 send hi", "2.8 send see https://spoons.example/?ref=17"]
            ),
        }
        watch = await staged(tables, "newbie")
    assert watch.the("close", "newbie")["received"]["code"] == 1008
    recorder.keep("wren-lighttpd-forum-link-1008", watch)


async def test_a_home_does_not_know_the_token(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A home's hub asks for a token first; a wall panel still has the one that was revoked. By Caddy with TLS."""

    async def hub(_: str, client: ServerConnection, message: str | bytes) -> None:
        said = json.loads(message)
        if said["type"] == "auth" and said["access_token"] == "llat-2026":
            await client.send('{"type":"auth_ok","ha_version":"2026.11.1"}')
        elif said["type"] == "auth":
            await client.send('{"type":"auth_invalid","message":"Invalid access token or password"}')
            await client.close()
        else:
            await client.send(json.dumps({"id": said["id"], "type": "result", "success": True}))

    async with house(hub) as app:
        caddy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")

        def at(user: str, token: str, *do: str) -> Table:
            hello = f'0.4 send {{"type":"auth","access_token":"{token}"}}'
            return wss(caddy.port, certificate, do=[hello, *do]) | {
                "url": f"wss://localhost:{caddy.port}/api/websocket?user={user}"
            }

        tables = {
            "hall": at("hall", "llat-2026", *says(1.1, 5, 'send {"id":2,"type":"get_states"}')),
            "panel": at("panel", "llat-2024"),
        }
        watch = await staged(tables, "panel")
    assert watch.the("close", "panel")["initiator"] == "remote"
    recorder.keep("wren-caddy-home-auth-invalid", watch)


async def test_a_token_of_five_seconds(start: Starter, recorder: Recorder) -> None:
    """A gateway tells that the token will expire and, when it has, closes 4401; the client comes back with another."""

    async def gateway(user: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send('{"op":"ack"}')
        if user == "desk" and message == '{"op":"hello","token":"eyJ.1"}':
            await asyncio.sleep(2.6)
            await client.send('{"op":"token_expiring","in":1}')
            await asyncio.sleep(1.0)
            await client.close(4401, "access token expired")

    async with house(gateway) as app:
        apache = start(Apache, app.port)
        async with probing("--stdin", **POSTMORTEM) as watch:
            hello = '0.3 send {"op":"hello","token":"eyJ.0"}'
            await opened(
                watch,
                wall=ws(apache.port, "/?user=wall", do=[hello, *says(1.2, 8, 'send {"op":"get"}')]),
                desk=ws(apache.port, "/?user=desk", reconnect=True),
            )
            await ask(watch, 'send {"op":"hello","token":"eyJ.1"}', "desk")
            await seen(watch, "close", "desk")
            await seen(watch, "open", "desk", count=2)
            await ask(watch, 'send {"op":"hello","token":"eyJ.2"}', "desk")
            await seen(watch, "frame", "desk", dir="in", opcode=1, count=3)
            await asyncio.sleep(0.8)
            await leave(watch, "wall")
    assert watch.of("close", "desk")[0]["code"] == 4401
    recorder.keep("wren-apache-gateway-4401-token-expired", watch)


async def test_a_channel_of_the_board(start: Starter, recorder: Recorder) -> None:
    """An intern's dashboard joins the board's channel, is told that he may not and closed 4403. By nghttpx."""

    async def channels(user: str, client: ServerConnection, message: str | bytes) -> None:
        if message == "join #board" and user == "intern":
            await client.send('{"error":"missing_permission","channel":"#board","needs":"board:read"}')
            await client.close(4403, "missing permission board:read")
        else:
            await client.send(json.dumps({"ok": message}))

    async with house(channels) as app:
        nghttpx = start(Nghttpx, app.port)
        tables = {
            "boss": ws(nghttpx.port, "/?user=boss", do=["0.6 send join #board", *says(1.3, 6, "send ping")]),
            "intern": ws(nghttpx.port, "/?user=intern", do=["0.7 send join #lunch", "2.4 send join #board"]),
        }
        watch = await staged(tables, "intern")
    assert watch.the("close", "intern")["code"] == 4403
    recorder.keep("wren-nghttpx-intern-4403", watch)


async def test_a_second_window_of_a_game(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A player opens the game on a telephone; the window on the laptop is told and closed. Others play on. By hitch."""
    playing: dict[str, ServerConnection] = {}

    async def game(_: str, client: ServerConnection, message: str | bytes) -> None:
        said = json.loads(message)
        if said["t"] == "login":
            older = playing.get(said["player"])
            playing[said["player"]] = client
            if older is not None:
                await older.send('{"t":"bye","why":"logged_in_elsewhere"}')
                await older.close(4002, "logged in from another device")
        await client.send('{"t":"ok"}')

    def login(player: str) -> str:
        return f'0.4 send {{"t":"login","player":"{player}"}}'

    async with house(game) as app:
        hitch = start(Hitch, app.port, certificate)

        def at(user: str, *do: str) -> Table:
            return wss(hitch.port, certificate, do=list(do)) | {"url": f"wss://localhost:{hitch.port}/?user={user}"}

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "laptop", dir="in", opcode=1, count=3)
            assert (await open_session(watch, name="phone", **at("phone", login("kim"))))["ok"]

        tables = {
            "rival": at("rival", login("lee"), *says(1.0, 6, 'send {"t":"move"}')),
            "laptop": at("laptop", login("kim"), *says(0.9, 2.5, 'send {"t":"move"}')),
        }
        watch = await staged(tables, "laptop", strike=strike, stage="tls")
    assert_said(watch.the("close", "laptop"), 4002, "logged in from another device")
    recorder.keep("wren-hitch-game-another-device-4002", watch)


async def test_a_bank_logs_out_who_does_nothing(start: Starter, recorder: Recorder) -> None:
    """The web session of a bank ends though quotes pour in; 4440 tells. Who clicks has a new one. By socat."""

    async def bank(user: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send('{"login":"ok"}')
        if message == "watch":
            for n in range(5):
                await asyncio.sleep(0.8)
                await client.send(json.dumps({"EURUSD": 1.08 + n / 1000}))
            if user == "idler":
                await client.close(4440, "Your session has expired. Please sign in again.")

    async with house(bank) as app:
        way = start(Socat, app.port)
        tables = {
            "clerk": ws(way.port, "/?user=clerk", do=["0.4 send watch", "6.0 send click"]),
            "idler": ws(way.port, "/?user=idler", do=["0.5 send watch"]),
        }
        watch = await staged(tables, "idler")
    assert watch.the("close", "idler")["code"] == 4440
    recorder.keep("wren-socat-bank-session-4440", watch)


async def test_a_bot_is_too_fast(start: Starter, recorder: Recorder) -> None:
    """A bot sends six updates at once to a service that takes four in a second, 4008; a slow one stays. By Envoy."""
    heard: dict[ServerConnection, list[float]] = {}

    async def service(_: str, client: ServerConnection, message: str | bytes) -> None:
        now = asyncio.get_running_loop().time()
        times = [one for one in heard.get(client, []) if one > now - 1] + [now]
        heard[client] = times
        if len(times) > 4:
            await client.close(4008, "You are being rate limited.")
        else:
            await client.send('{"op":11}')

    async with house(service) as app:
        envoy = start(Envoy, app.port)
        burst = [f'{2.6 + n * 0.08:.2f} send {{"op":3,"n":{n}}}' for n in range(6)]
        tables = {
            "calm": ws(envoy.port, "/?user=calm", do=says(0.9, 6, 'send {"op":1}')),
            "bot": ws(envoy.port, "/?user=bot", do=['0.8 send {"op":1}', *burst]),
        }
        watch = await staged(tables, "bot")
    assert watch.the("close", "bot")["code"] == 4008
    recorder.keep("wren-envoy-bot-rate-limited-4008", watch)


async def test_a_calculation_fails(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A route's calculation raises, and the library says 1011 for the program; by stunnel, another route is well."""

    async def router(_: str, client: ServerConnection, message: str | bytes) -> None:
        origin, _, target = str(message).partition(">")
        await client.send(f"{origin}>{target}: {1000 // len(target)} km")

    async with house(router) as app:
        stunnel = start(Stunnel, app.port, certificate)

        def at(user: str, *do: str) -> Table:
            return wss(stunnel.port, certificate, do=list(do)) | {"url": f"wss://localhost:{stunnel.port}/?user={user}"}

        tables = {
            "van1": at("van1", *says(0.9, 6, "send Ulm>Kiel")),
            "van2": at("van2", "0.8 send Ulm>Bonn", "2.5 send Ulm>"),
        }
        watch = await staged(tables, "van2", stage="tls")
    assert watch.the("close", "van2")["code"] == 1011
    recorder.keep("wren-stunnel-route-fails-1011", watch)


async def test_a_lot_is_sold(start: Starter, recorder: Recorder) -> None:
    """An auction closes the room of a lot with a code of its own for both bidders; another lot goes on. By redir."""

    async def lots(_: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(f"bid {message!s} noted")

    async with house(lots) as app:
        redir = start(Redir, app.port)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "ann", dir="in", opcode=1, count=3)
            for name in ("ann", "bob"):
                await app.clients[name].close(4100, "lot 17 sold for 340")

        tables = {
            "cat": ws(redir.port, "/?user=cat", do=says(1.2, 6, "send 20")),
            "ann": ws(redir.port, "/?user=ann", do=says(0.9, 4, "send 320")),
            "bob": ws(redir.port, "/?user=bob", do=["1.3 send 340"]),
        }
        watch = await staged(tables, "ann", "bob", strike=strike)
    assert watch.the("close", "bob")["code"] == 4100
    recorder.keep("wren-redir-lot-sold-4100", watch)
