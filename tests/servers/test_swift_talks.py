"""Services that talk JSON with their users and say in their own protocol, or in a Close, why it is over."""

import json

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, says, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.lesser import Lighttpd, Varnish
from tests.servers.lines import leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

WAMP = "wamp.2.json"


async def test_a_hub_has_no_more_trust(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A hub's own close message tells a ward that its token expired, and a plain Close follows; HAProxy with TLS."""
    heard: list[str] = []

    async def hub(user: str, client: ServerConnection, message: str | bytes) -> None:
        told = json.loads(str(message).rstrip("\x1e"))
        heard.append(user)
        if "protocol" in told:
            await client.send("{}\x1e")
        elif user == "ward" and heard.count("ward") == 4:
            why = "SecurityTokenExpiredException: IDX10223: Lifetime validation failed. The token is expired."
            await client.send(json.dumps({"type": 7, "error": f"Connection closed with an error. {why}"}) + "\x1e")
            await client.close(1000)
        else:
            await client.send('{"type":3,"invocationId":"1","result":98}\x1e')

    async with house(hub) as app:
        haproxy = start(HaProxy, app.port, certificate=certificate)

        def at(user: str, every: float) -> Table:
            pulse = r'send {"type":1,"invocationId":"1","target":"Pulse","arguments":[]}\x1e'
            do = [r'0.3 send {"protocol":"json","version":1}\x1e', *says(every, 6, pulse)]
            return wss(haproxy.port, certificate, do=do) | {"url": f"wss://localhost:{haproxy.port}/hub?user={user}"}

        watch = await staged({"icu": at("icu", 1.2), "ward": at("ward", 0.9)}, "ward")
    assert_said(watch.the("close", "ward"), 1000)
    recorder.keep("swift-haproxy-hub-token-expired", watch)


async def test_a_bot_does_not_know_its_token(start: Starter, recorder: Recorder) -> None:
    """A bot identifies itself with a token that was reset, 4004, comes back with the same, 4004; another is in."""

    async def gateway(_: str, client: ServerConnection, message: str | bytes) -> None:
        said = json.loads(message)
        if said["op"] == 2 and said["d"]["token"] != "MTk4.new":
            await client.close(4004, "Authentication failed.")
        else:
            await client.send('{"op":0,"t":"READY"}' if said["op"] == 2 else '{"op":11}')

    def identify(token: str) -> str:
        return f'0.5 send {{"op":2,"d":{{"token":"{token}"}}}}'

    async with house(gateway) as app, probing("--stdin", **POSTMORTEM) as watch:
        beats = says(1.3, 9, 'send {"op":1,"d":null}')
        await opened(watch, fresh=ws(app.port, "/?user=fresh", do=[identify("MTk4.new"), *beats]))
        await opened(watch, bot=ws(app.port, "/?user=bot", reconnect=True, do=[identify("MTk4.old")]))
        await seen(watch, "open", "bot", count=2)
        await ask(watch, identify("MTk4.old").partition(" ")[2], "bot")
        await seen(watch, "close", "bot", count=2)
        await leave(watch, "fresh")
    assert {line["code"] for line in watch.of("close", "bot")[:2]} == {4004}
    recorder.keep("swift-direct-identify-4004-again", watch)


async def test_a_messenger_is_opened_elsewhere(start: Starter, recorder: Recorder) -> None:
    """The same account in another browser: the older one gets a message that says so, and 1000. By Apache."""
    holding: dict[str, ServerConnection] = {}

    async def messenger(_: str, client: ServerConnection, message: str | bytes) -> None:
        said = json.loads(message)
        if "login" in said:
            older = holding.get(said["login"])
            holding[said["login"]] = client
            if older is not None:
                await older.send('["Cmd",{"type":"disconnect","kind":"replaced"}]')
                await older.close(1000)
        await client.send('["Conn",{"connected":true}]')

    async with house(messenger) as app:
        apache = start(Apache, app.port)

        def at(user: str, login: str, *do: str) -> Table:
            return ws(apache.port, f"/?user={user}", do=[f'0.4 send {{"login":"{login}"}}', *do])

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "old", dir="in", opcode=1, count=3)
            assert (await open_session(watch, name="new", **at("new", "+44", *says(1.0, 4, 'send {"type":1}'))))["ok"]

        tables = {
            "friend": at("friend", "+49", *says(1.3, 6, 'send {"type":1}')),
            "old": at("old", "+44", *says(0.9, 3, 'send {"type":1}')),
        }
        watch = await staged(tables, "old", strike=strike)
    recorder.keep("swift-apache-messenger-replaced", watch)


async def test_a_router_kills_a_camera(start: Starter, recorder: Recorder) -> None:
    """The operator of a WAMP router kills a session: GOODBYE with wamp.close.killed, then TCP's end. By nginx."""

    async def router(_: str, client: ServerConnection, message: str | bytes) -> None:
        said = json.loads(message)
        await client.send('[2,9129137332,{"roles":{"broker":{}}}]' if said[0] == 1 else f"[17,{said[1]},20]")

    async with house(router, subprotocols=[WAMP]) as app:
        nginx = start(Nginx, app.port)

        def at(user: str, every: float) -> Table:
            do = ['0.3 send [1,"site",{"roles":{"publisher":{}}}]']
            do += says(every, 5, 'send [16,7,{"acknowledge":true},"cam.motion",[1]]')
            return ws(nginx.port, f"/?user={user}", subprotocol=[WAMP], do=do)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "cam2", dir="in", opcode=1, count=4)
            await app.clients["cam2"].send('[6,{"message":"session killed by operator"},"wamp.close.killed"]')
            await app.clients["cam2"].close(1000)

        watch = await staged({"cam1": at("cam1", 1.1), "cam2": at("cam2", 0.8)}, "cam2", strike=strike)
    recorder.keep("swift-nginx-wamp-killed-by-operator", watch)


async def test_a_realm_is_not_for_everybody(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A temporary worker joins a realm that his role does not reach: ABORT, then 1000; by nginx with TLS."""

    async def router(user: str, client: ServerConnection, message: str | bytes) -> None:
        said = json.loads(message)
        if said[0] == 1 and user == "temp":
            why = "principal 'temp' with role 'helper' is not authorized to join realm 'ledger'"
            await client.send(json.dumps([3, {"message": why}, "wamp.error.not_authorized"]))
            await client.close(1000)
        else:
            await client.send('[2,4711,{"roles":{"dealer":{}}}]' if said[0] == 1 else f"[50,{said[1]},{{}},[1]]")

    async with house(router, subprotocols=[WAMP]) as app:
        nginx = start(Nginx, app.port, 60, certificate)

        def at(user: str, *do: str) -> Table:
            hello = f'0.6 send [1,"ledger",{{"authid":"{user}","roles":{{"caller":{{}}}}}}]'
            table = wss(nginx.port, certificate, do=[hello, *do], subprotocol=[WAMP])
            return table | {"url": f"wss://localhost:{nginx.port}/?user={user}"}

        tables = {"chief": at("chief", *says(1.1, 5, 'send [48,3,{},"ledger.sum"]')), "temp": at("temp")}
        watch = await staged(tables, "temp")
    recorder.keep("swift-nginx-wamp-realm-not-authorized", watch)


async def test_a_market_maker_is_throttled(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An exchange warns of its limit, and closes 4029 when the orders go on to pour in; by Caddy with TLS."""
    orders: list[str] = []

    async def exchange(user: str, client: ServerConnection, message: str | bytes) -> None:
        orders.append(user)
        count = orders.count(user)
        if user == "maker" and count == 6:
            await client.send('{"event":"error","error":{"code":"EGeneral:Too many requests","retry_after":10}}')
        elif user == "maker" and count > 8:
            await client.close(4029, "too many requests")
        elif not (user == "maker" and count > 6):
            await client.send(json.dumps({"event": "added", "order": count}))

    async with house(exchange) as app:
        caddy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")

        def at(user: str, *do: str) -> Table:
            return wss(caddy.port, certificate, do=list(do)) | {"url": f"wss://localhost:{caddy.port}/?user={user}"}

        add = 'send {"event":"addOrder","pair":"XBT/EUR","volume":1}'
        burst = [f"{2.2 + n * 0.11:.2f} {add}" for n in range(9)]
        tables = {"saver": at("saver", *says(1.2, 6, add)), "maker": at("maker", f"0.8 {add}", *burst)}
        watch = await staged(tables, "maker")
    assert watch.the("close", "maker")["code"] == 4029
    recorder.keep("swift-caddy-exchange-throttled-4029", watch)


async def test_a_kiosk_nobody_touches(start: Starter, recorder: Recorder) -> None:
    """A kiosk's session ends since nobody touched it, though it beats; told in a message and by 1008. By lighttpd."""

    async def kiosks(user: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send("pong")
        if user == "kiosk" and message == "ping 4":
            await client.send('{"type":"session_timeout","idle_minutes":30}')
            await client.close(1008, "Session timed out due to inactivity, log in again")

    async with house(kiosks) as app:
        lighttpd = start(Lighttpd, app.port)
        tables = {
            "desk": ws(lighttpd.port, "/?user=desk", do=says(1.2, 6, "send book 12A")),
            "kiosk": ws(lighttpd.port, "/?user=kiosk", do=[f"{n * 0.9:.1f} send ping {n}" for n in range(1, 6)]),
        }
        watch = await staged(tables, "kiosk")
    assert watch.the("close", "kiosk")["code"] == 1008
    recorder.keep("swift-lighttpd-kiosk-session-ended-1008", watch)


async def test_an_agent_leaves_the_talk(start: Starter, recorder: Recorder) -> None:
    """A help desk's agent ends the talk with a visitor, 4201; another visitor's goes on. By Varnish."""

    async def desk(_: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(f"agent Kim: about {message!s}, one moment")

    async with house(desk) as app:
        varnish = start(Varnish, app.port)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "visitor", dir="in", opcode=1, count=3)
            await app.clients["visitor"].send("agent Kim: glad I could help, bye")
            await app.clients["visitor"].close(4201, "agent closed the conversation")

        tables = {
            "other": ws(varnish.port, "/?user=other", do=says(1.4, 6, "send my parcel")),
            "visitor": ws(varnish.port, "/?user=visitor", do=says(0.9, 5, "send my refund")),
        }
        watch = await staged(tables, "visitor", strike=strike)
    assert watch.the("close", "visitor")["code"] == 4201
    recorder.keep("swift-varnish-agent-left-4201", watch)
