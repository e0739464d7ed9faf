"""Talks that end as their services want: a shard is full, a rule is broken, bytes are unwelcome, all is said."""

import json

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Daphne
from tests.servers.between import Table, opened, says, sockjs, staged, ws, wss
from tests.servers.envoy import Envoy
from tests.servers.homely import refuse, stomping
from tests.servers.house import house
from tests.servers.lesser import Hitch, Lighttpd, Nghttpx, Redir, Varnish
from tests.servers.lines import leave
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.node_apps import Faye
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_shard_is_full(start: Starter, recorder: Recorder) -> None:
    """A shard sheds two of its clients, 1013, and takes them back a little later; one elsewhere is well. Direct."""
    other = start(NodeWs)
    async with house() as app, probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            elsewhere=ws(other.port, do=says(1.1, 9)),
            q1=ws(app.port, "/?user=q1", reconnect=True, do=says(0.8, 3, "send bid")),
            q2=ws(app.port, "/?user=q2", reconnect=True),
        )
        await seen(watch, "frame", "q1", dir="in", opcode=1, count=3)
        for name in ("q1", "q2"):
            await app.clients[name].close(1013, "shard 7 over capacity")
        for name in ("q1", "q2"):
            await seen(watch, "open", name, count=2)
        await ask(watch, "send bid again", "q1")
        await seen(watch, "frame", "q1", dir="in", opcode=1, count=4)
        await leave(watch, "elsewhere")
    assert {watch.of("close", name)[0]["code"] for name in ("q1", "q2")} == {1013}
    recorder.keep("swift-shard-over-capacity-1013-two", watch)


async def test_a_charger_did_not_say_who_it_is(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A charging point beats before it has booted, which the back office does not allow: 1008. By hitch."""
    booted: set[str] = set()

    async def office(user: str, client: ServerConnection, message: str | bytes) -> None:
        _, number, what, *_ = json.loads(message)
        if what == "BootNotification":
            booted.add(user)
        if user in booted:
            await client.send(json.dumps([3, number, {"status": "Accepted"}]))
        else:
            await client.send(json.dumps([4, number, "SecurityError", "not booted", {}]))
            await client.close(1008, "BootNotification required first")

    async with house(office, subprotocols=["ocpp1.6"]) as app:
        hitch = start(Hitch, app.port, certificate)

        def at(user: str, *do: str) -> Table:
            table = wss(hitch.port, certificate, do=list(do), subprotocol=["ocpp1.6"])
            return table | {"url": f"wss://localhost:{hitch.port}/ocpp?user={user}"}

        beats = says(1.3, 6, 'send [2,"9","Heartbeat",{}]')
        tables = {
            "known": at("known", '0.4 send [2,"1","BootNotification",{"chargePointModel":"M2"}]', *beats),
            "new": at("new", '1.7 send [2,"1","Heartbeat",{}]'),
        }
        watch = await staged(tables, "new", stage="tls")
    assert watch.the("close", "new")["code"] == 1008
    recorder.keep("swift-hitch-charger-without-boot-1008", watch)


async def test_a_report_fails(start: Starter, recorder: Recorder) -> None:
    """A consumer of Django's raises in the middle of a talk; Daphne ends it. By Envoy; another talk is well."""
    envoy = start(Envoy, start(Daphne).port)
    tables = {
        "list": ws(envoy.port, do=says(1.1, 6, "send list")),
        "report": ws(envoy.port, do=[*says(0.8, 2, "send page"), "2.7 send raise"]),
    }
    watch = await staged(tables, "report")
    assert watch.the("close", "report")["initiator"] == "remote"
    recorder.keep("swift-envoy-daphne-report-raises", watch)


async def test_a_broadcast_is_over(start: Starter, recorder: Recorder) -> None:
    """A broadcast ends and both its viewers are told 1000; the one of another channel goes on. By redir."""
    async with house() as app:
        redir = start(Redir, app.port)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "ann", dir="in", opcode=1, count=3)
            for name in ("ann", "ben"):
                await app.clients[name].send('{"event":"stream_end"}')
                await app.clients[name].close(1000, "broadcast ended")

        tables = {
            "cleo": ws(redir.port, "/?user=cleo", do=says(1.2, 6, "send heart")),
            "ann": ws(redir.port, "/?user=ann", do=says(0.9, 4, "send heart")),
            "ben": ws(redir.port, "/?user=ben", do=["1.1 send hello from Bath"]),
        }
        watch = await staged(tables, "ann", "ben", strike=strike)
    recorder.keep("swift-redir-broadcast-over-1000-two", watch)


async def test_captions_want_text(start: Starter, recorder: Recorder) -> None:
    """A microphone's page sends its sound to the captions' socket, which takes JSON: 1003. By nghttpx."""

    async def captions(_: str, client: ServerConnection, message: str | bytes) -> None:
        if isinstance(message, bytes):
            await client.close(1003, "binary frames are not accepted on /captions")
        else:
            await client.send('{"caption":"good evening"}')

    async with house(captions) as app:
        nghttpx = start(Nghttpx, app.port)
        tables = {
            "stage": ws(nghttpx.port, "/?user=stage", do=says(1.1, 6, 'send {"at":1}')),
            "mic": ws(nghttpx.port, "/?user=mic", do=['0.8 send {"at":0}', "2.3 send-binary 4f707573010238011f"]),
        }
        watch = await staged(tables, "mic")
    assert watch.the("close", "mic")["code"] == 1003
    recorder.keep("swift-nghttpx-captions-opus-1003", watch)


async def test_an_exam_is_over(start: Starter, recorder: Recorder) -> None:
    """The exam of one who polls is over, 3900; another one's, over a WebSocket, goes on. sockjs-tornado by Apache."""
    apache = start(Apache, start(SockJsTornado, heartbeat_delay=2).port)
    tables = {
        "early": sockjs(apache.port, "websocket", do=says(1.2, 6, "send answer b")),
        "late": sockjs(apache.port, "xhr-polling", do=["0.9 send answer c", "2.8 send close 3900 exam is over"]),
    }
    watch = await staged(tables, "late")
    recorder.keep("swift-apache-sockjs-exam-over-3900", watch)


async def test_a_telephone_woke_up_too_late(start: Starter, recorder: Recorder) -> None:
    """Its token has run out when it subscribes once more: an error of GraphQL's, and 4403 that says so. By Envoy."""
    asked: list[str] = []

    async def api(user: str, client: ServerConnection, message: str | bytes) -> None:
        said = json.loads(message)
        asked.append(user)
        if said["type"] == "connection_init":
            await client.send('{"type":"connection_ack"}')
        elif user == "phone" and asked.count("phone") == 3:
            errors = [{"message": "jwt expired", "extensions": {"code": "UNAUTHENTICATED"}}]
            await client.send(json.dumps({"id": said["id"], "type": "error", "payload": errors}))
            await client.close(4403, "Token has expired")
        else:
            await client.send(json.dumps({"id": said["id"], "type": "next", "payload": {"data": {"mails": 4}}}))

    async with house(api, subprotocols=["graphql-transport-ws"]) as app:
        envoy = start(Envoy, app.port)

        def at(user: str, every: float) -> Table:
            query = 'send {"id":"7","type":"subscribe","payload":{"query":"{ mails }"}}'
            do = ['0.3 send {"type":"connection_init","payload":{"token":"eyJ"}}', *says(every, 6, query)]
            return ws(envoy.port, f"/?user={user}", subprotocol=["graphql-transport-ws"], do=do)

        watch = await staged({"laptop": at("laptop", 1.1), "phone": at("phone", 1.4)}, "phone")
    assert watch.the("close", "phone")["code"] == 4403
    recorder.keep("swift-envoy-graphql-token-expired-4403", watch)


async def test_a_newer_login(start: Starter, recorder: Recorder) -> None:
    """A clerk logs in at another desk: the older session gets an ERROR that says so. STOMP by lighttpd."""

    async def nothing(_user: str, _client: ServerConnection, _message: str | bytes) -> None:
        return

    async with house(stomping(nothing, "desks/3"), subprotocols=["v12.stomp"]) as app:
        lighttpd = start(Lighttpd, app.port)

        def at(user: str, every: float) -> Table:
            url = f"stomp+ws://{LOOPBACK}:{lighttpd.port}/?user={user}"
            login = "kim" if user != "other" else "lee"
            do = says(every, 5, "stomp-send /app/desk open")
            return {"url": url, "heart_beat": "0,0", "login": login, "passcode": "crew", "do": do}

        async def strike(watch: Watch) -> None:
            await seen(watch, "stomp", "old", command="SEND", count=3)
            assert (await open_session(watch, name="new", **at("new", 1.0)))["ok"]
            await seen(watch, "stomp", "new", command="CONNECTED")
            await refuse(app.clients["old"], "Session replaced: kim logged in from another location", code=1000)

        watch = await staged({"other": at("other", 1.2), "old": at("old", 0.8)}, "old", strike=strike)
    assert watch.the("stomp", "old", command="ERROR")
    recorder.keep("swift-lighttpd-stomp-newer-login", watch)


async def test_a_drawing_is_too_big(start: Starter, recorder: Recorder) -> None:
    """A pen sends a stroke of five kilobytes where faye-websocket is told to take three; by Varnish."""
    varnish = start(Varnish, start(Faye, maxLength=3000).port)
    tables = {
        "dots": ws(varnish.port, do=says(1.1, 6, "send 3,4")),
        "pen": ws(varnish.port, no_compression=True, do=["0.8 send 1,2", "2.5 send-repeat 12,34; 700"]),
    }
    watch = await staged(tables, "pen")
    assert watch.the("close", "pen")["initiator"] == "remote"
    recorder.keep("swift-varnish-faye-drawing-too-big", watch)
