"""Services that end a talk as they want: they are full, fail, move, hang up, have enough, or are taken out."""

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.probing import probing, seen
from tests.servers.between import Table, opened, says, staged, ws, wss
from tests.servers.envoy import Envoy
from tests.servers.haproxy import HaProxy
from tests.servers.house import echo, house
from tests.servers.lesser import Hitch, Redir, Rinetd
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def at(port: int, user: str, *do: str, **options: object) -> Table:
    """A user's raw session and what it says."""
    return ws(port, f"/?user={user}", do=list(do), **options)


def tls(port: int, certificate: Certificate, user: str, *do: str, **options: object) -> Table:
    """The same over TLS."""
    return wss(port, certificate, do=list(do), **options) | {"url": f"wss://localhost:{port}/?user={user}"}


async def test_all_workers_are_taken(start: Starter, recorder: Recorder) -> None:
    """All workers of a renderer are taken: who asks now is told to come later, 1013; the one before works. rinetd."""
    async with house() as app:
        rinetd = start(Rinetd, app.port)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "late", dir="in", opcode=1)
            await app.clients["late"].close(1013, "all workers are busy, retry in 30s")

        tables = {
            "early": at(rinetd.port, "early", *says(1.1, 6, "send tile 4")),
            "late": at(rinetd.port, "late", "1.6 send job 8"),
        }
        watch = await staged(tables, "late", strike=strike)
    assert watch.the("close", "late")["code"] == 1013
    recorder.keep("teal-rinetd-worker-pool-full-1013", watch)


async def test_a_handler_raises(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A handler divides by nothing at one report, and the library closes 1011 for it; by nginx with TLS."""

    async def reports(_: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(str(100 // int(message)))

    async with house(reports) as app:
        nginx = start(Nginx, app.port, 60, certificate)
        tables = {
            "sum": tls(nginx.port, certificate, "sum", *says(1.2, 6, "send 4")),
            "report": tls(nginx.port, certificate, "report", "0.8 send 5", "2.4 send 0"),
        }
        watch = await staged(tables, "report", stage="tls")
    assert watch.the("close", "report")["code"] == 1011
    recorder.keep("teal-nginx-handler-raises-1011", watch)


async def test_a_sequence_goes_backwards(start: Starter, recorder: Recorder) -> None:
    """A gateway's counter starts anew in the middle of a session, against the rules: 1008. By redir."""

    async def line(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user == "gate" and message == "seq=1 px=9":
            await client.close(1008, "MsgSeqNum too low, expecting 4 but received 1")
        else:
            await client.send(f"ack {message!s}")

    async with house(line) as app:
        redir = start(Redir, app.port)
        well = [f"{n * 1.2:.1f} send seq={n} px=8" for n in range(1, 6)]
        mine = [f"{n * 0.8:.1f} send seq={n} px=7" for n in range(1, 4)]
        tables = {"other": at(redir.port, "other", *well), "gate": at(redir.port, "gate", *mine, "3.1 send seq=1 px=9")}
        watch = await staged(tables, "gate")
    assert watch.the("close", "gate")["code"] == 1008
    recorder.keep("teal-redir-sequence-went-backwards-1008", watch)


async def test_a_lecture_moves(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A lecture moves to another hall, and both its listeners are sent there, 4020; another lecture goes on. hitch."""
    async with house() as app:
        hitch = start(Hitch, app.port, certificate)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "a", dir="in", opcode=1, count=3)
            for name in ("a", "b"):
                await app.clients[name].close(4020, "lecture moved to hall B")

        tables = {
            "chem": tls(hitch.port, certificate, "chem", *says(1.2, 6, "send question")),
            "a": tls(hitch.port, certificate, "a", *says(0.9, 6, "send note")),
            "b": tls(hitch.port, certificate, "b"),
        }
        watch = await staged(tables, "a", "b", strike=strike, stage="tls")
    recorder.keep("teal-hitch-lecture-moved-4020", watch)


async def test_a_call_is_hung_up(start: Starter, recorder: Recorder) -> None:
    """The other side of a call hangs up: ``bye``, and 1000; another call goes on. By Envoy."""
    async with house() as app:
        envoy = start(Envoy, app.port)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "caller", dir="in", opcode=1, count=3)
            await app.clients["caller"].send('{"type":"bye","from":"callee"}')
            await app.clients["caller"].close(1000, "call ended")

        tables = {
            "other": at(envoy.port, "other", *says(1.3, 6, "send candidate")),
            "caller": at(envoy.port, "caller", *says(0.8, 6, "send candidate")),
        }
        watch = await staged(tables, "caller", strike=strike)
    recorder.keep("teal-envoy-call-hung-up-1000", watch)


async def test_a_form_was_open_too_long(start: Starter, recorder: Recorder) -> None:
    """A portal ends the web session behind a form that was open over lunch, and says so; by HAProxy."""

    async def portal(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user == "form" and message == "save 3":
            await client.send('{"error":"SESSION_EXPIRED","login":"/login?next=/form"}')
            await client.close(4419, "HTTP session expired, please log in again")
        else:
            await client.send('{"saved":true}')

    async with house(portal) as app:
        haproxy = start(HaProxy, app.port)
        saves = [f"{n * 0.9:.1f} send save {n}" for n in range(1, 4)]
        tables = {
            "doctor": at(haproxy.port, "doctor", *says(1.2, 6, "send save 0")),
            "form": at(haproxy.port, "form", *saves),
        }
        watch = await staged(tables, "form")
    assert watch.the("close", "form")["code"] == 4419
    recorder.keep("teal-haproxy-patient-portal-session-expired", watch)


async def test_a_server_is_taken_out(start: Starter, recorder: Recorder) -> None:
    """A server is stopped for good and says 1001 to both its users; nginx has nobody behind it then."""

    async def talk(client: ServerConnection) -> None:
        async for message in client:
            await echo("", client, message)

    other = start(NodeWs)
    async with serve(talk, LOOPBACK, 0) as server:
        nginx = start(Nginx, next(iter(server.sockets)).getsockname()[1])
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(
                watch,
                other=ws(other.port, do=says(1.1, 7)),
                a=at(nginx.port, "a", *says(0.8, 4, "send hi"), reconnect=True),
                b=at(nginx.port, "b"),
            )
            await seen(watch, "frame", "a", dir="in", opcode=1, count=3)
            server.close()
            await looked(watch, "b")
            await seen(watch, "http", "a", dir="in", status=502)
            await leave(watch, "other")
    assert watch.of("close", "a")[0]["code"] == watch.the("close", "b")["code"] == 1001
    recorder.keep("teal-nginx-deploy-1001-stays-away", watch)
