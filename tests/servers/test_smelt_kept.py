"""Services in Go, in Python and on Node that end their clients by an age, a deadline, a limit or by force."""

import asyncio

import pytest

from tests.probing import ask, seen
from tests.servers.asgi_hosts import Gunicorn
from tests.servers.ashore import begun, doors
from tests.servers.between import opened, says, ws
from tests.servers.golang import Gorilla
from tests.servers.outside import there
from tests.servers.pond import cut, heard, run
from tests.servers.recordings import Recorder
from tests.servers.roach import Shop
from tests.servers.routed import routed
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_connections_grow_too_old_afar(start: Starter, recorder: Recorder) -> None:
    """gorilla/websocket lets nobody stay longer than 4.9 s, twice: two who came 1.6 s apart go 1.6 s apart."""
    with routed() as hosts:
        app = await begun(hosts.server, start, Gorilla, MaxAge=4.9, Says=1.3)
        doors(hosts, app)

        async def strike(watch: Watch) -> None:
            await asyncio.sleep(1.6)
            await opened(watch, b=there(app.port, "/ws?user=b", do=says(1.2, 12), reconnect=True))
            for session in ("a", "b"):
                await seen(watch, "close", session, count=2)

        a = there(app.port, "/ws?user=a", do=says(0.9, 12), reconnect=True)
        watch = await run({"a": a}, "a", "b", strike=strike, on=hosts.client.words)
    recorder.keep("smelt-afar-gorilla-max-age", watch)


async def test_a_tablet_reads_too_slowly_afar(start: Starter, recorder: Recorder) -> None:
    """A tablet stands still for 5 s under a flood; gorilla/websocket waits 1.3 s for a write. The desk reads on."""
    with routed() as hosts:
        hosts.server.set(net__ipv4__tcp_wmem="4096 8192 16384")
        hosts.client.set(net__ipv4__tcp_rmem="4096 8192 16384")
        app = await begun(hosts.server, start, Gorilla, WriteWait=1.3)
        doors(hosts, app)

        async def strike(watch: Watch) -> None:
            await asyncio.sleep(1.7)
            await ask(watch, "freeze 5", "tablet")
            await ask(watch, "send flood 70 2500", "desk")

        tables = {
            user: there(app.port, f"/ws?user={user}", do=["0.8 send hi"], no_compression=True)
            for user in ("desk", "tablet")
        }
        watch = await run(tables, "tablet", strike=strike, on=hosts.client.words)
    cut(watch, "tablet")
    recorder.keep("smelt-afar-gorilla-slow-tablet", watch)


async def test_all_are_terminated_and_the_program_lives(start: Starter, recorder: Recorder) -> None:
    """Node's ws terminates everybody at once; the process lives, and they are back at once."""
    shop = start(Shop)

    async def strike(watch: Watch) -> None:
        await heard(watch, "a", 5)
        shop.ends("terminate")

    tables = {"a": shop.of("a", *says(0.7, 9), reconnect=True), "b": shop.of("b", reconnect=True)}
    watch = await run(tables, "a", "b", strike=strike, back=["a", "b"])
    cut(watch, "a", "b")
    recorder.keep("smelt-node-terminates-all-lives-on", watch)


async def test_a_worker_blocks_and_is_killed(start: Starter, recorder: Recorder) -> None:
    """gunicorn's only worker computes without end; after 3 s its arbiter kills it, and all of its clients go."""
    app = start(Gunicorn, "asgi", "--timeout", "3", "--workers", "1")
    tables = {"a": ws(app.port, do=["1 send hi", "2.6 send block 30"]), "b": ws(app.port, do=says(1.1, 9))}
    watch = await run(tables, "a", "b")
    cut(watch, "a", "b")
    recorder.keep("smelt-gunicorn-worker-blocked-and-killed", watch)


async def test_a_read_deadline_for_who_is_quiet(start: Starter, recorder: Recorder) -> None:
    """gorilla/websocket that never pings: whoever says nothing for 5.2 s is dropped; who talks is well."""
    app = start(Gorilla, PongWait=5.2)
    tables = {
        "busy": ws(app.port, "/ws?user=busy", do=says(1.7, 12)),
        "quiet": ws(app.port, "/ws?user=quiet", do=["1.2 send hi"]),
    }
    watch = await run(tables, "quiet")
    cut(watch, "quiet")
    recorder.keep("smelt-gorilla-idle-read-deadline", watch)
