"""Application servers on worse days: frozen, with a full queue, under TLS, with fewer workers than before."""

import os
import signal
import socket

import pytest

from tests.probing import ask, probing, seen
from tests.servers.asgi_hosts import Gunicorn
from tests.servers.frameworks import Aiohttp, Sanic, Tornado
from tests.servers.frozen import frozen
from tests.servers.looks import every, looked, watched
from tests.servers.nginx import Certificate
from tests.servers.node_apps import Faye, Rules
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.rustapps import Axum
from tests.servers.starting import Starter
from tests.servers.together import together
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

UVICORN = "uvicorn.workers.UvicornWorker"
LONG_LOOK_S = 12
"""How long a look takes that nobody answers, and a little more."""


async def it_is_frozen(start: Starter, recorder: Recorder) -> None:
    """SIGSTOP: our pings are not answered, and neither is the look's upgrade."""
    server = start(Aiohttp)
    words = [f"A={server.url}", f"B={server.url}", "--ping-interval", "1.35", "--ping-timeout", "1.55", "--stdin"]
    words += ["--close-timeout", "0.7", "--do", "0.35 send hi"]
    async with probing(*words, **POSTMORTEM) as watch:
        await seen(watch, "frame", "B", dir="in", opcode=10)
        with frozen(server.pid):
            await looked(watch, "A", "B", stage="http", ok=False, patience=LONG_LOOK_S)
            assert await watch.finish() == 1
    recorder.keep("aiohttp-frozen", watch)


async def its_queue_is_full(start: Starter, recorder: Recorder) -> None:
    """All stand still, and others came before: no place is left in the queue of its kernel."""
    server = start(Gunicorn, UVICORN, "--backlog", "1")
    words = ["--open-timeout", "2.55", "--stdin"]
    with frozen(server.pid), frozen(server.workers[0]):
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex((LOOPBACK, server.port))
        async with probing(f"late={server.url}", *words, **POSTMORTEM) as watch:
            await looked(watch, "late", stage="tcp", ok=False, patience=LONG_LOOK_S)
            assert await watch.finish() == 3
        for one in crowd:
            one.close()
    assert watch.the("end", "late")["phase"] == "tcp"
    recorder.keep("gunicorn-accept-queue-full", watch)


async def the_client_is_frozen(start: Starter, recorder: Recorder) -> None:
    """Sanic pings a client that does not even read, and gives up on it."""
    server = start(Sanic, WEBSOCKET_PING_INTERVAL=1.55, WEBSOCKET_PING_TIMEOUT=2.05)
    words = [f"frozen={server.url}", f"well={server.url}", "--do", "0.95 frozen: freeze 5.2"]
    recorder.keep("sanic-client-frozen", await watched([*words, *every(0.87, "send hi", 7, "well")], ("frozen",)))


async def no_subprotocol_is_agreed(start: Starter, recorder: Recorder) -> None:
    """aiohttp picks none of those it is offered, which is allowed; the session is served all the same."""
    server = start(Aiohttp, protocols=["chat.v2"])
    words = [f"A={server.url}", "--subprotocol", "chat.v1", "--stdin", *every(0.63, "send hi", 3)]
    async with probing(*words, **POSTMORTEM) as watch:
        await seen(watch, "frame", "A", dir="in", opcode=1, count=4)
        assert await watch.finish() == 0
    recorder.keep("aiohttp-no-subprotocol-picked", watch)


async def a_long_silence(start: Starter, recorder: Recorder) -> None:
    """Nothing for seven seconds and a half, and it is still there."""
    server = start(Axum)
    words = [f"A={server.url}", f"B={server.url}", "--stdin", "--do", "0.25 send hi", "--do", "7.75 send still there"]
    async with probing(*words, **POSTMORTEM) as watch:
        for session in ("A", "B"):
            await seen(watch, "frame", session, dir="in", text="still there")
        assert await watch.finish() == 0
    recorder.keep("axum-long-silence-survived", watch)


async def pongs_come_late(start: Starter, recorder: Recorder) -> None:
    """Ours do, by two seconds; Tornado waits longer than that."""
    server = start(Tornado, websocket_ping_interval=3.2, websocket_ping_timeout=3.0)
    words = [f"late={server.url}", f"well={server.url}", "--stdin"]
    words += ["--do", "2.7 late: hold-pongs", "--do", "5.1 late: release-pongs"]
    async with probing(*words, **POSTMORTEM) as watch:
        await seen(watch, "frame", "late", dir="out", opcode=10, count=3)
        await ask(watch, "send hi", "late")
        await seen(watch, "frame", "late", dir="in", opcode=1)
        assert await watch.finish() == 0
    recorder.keep("tornado-late-pongs-survived", watch)


async def tls_worker_is_killed(start: Starter, recorder: Recorder, certificate: Certificate) -> None:
    """TCP ends below TLS; the next worker is there at once."""
    files = ("--certfile", str(certificate.chain), "--keyfile", str(certificate.key))
    server = start(Gunicorn, UVICORN, *files)
    words = [f"A={server.tls_url}", f"B={server.tls_url}", "--cacert", str(certificate.ca), "--stdin"]
    async with probing(*words, *every(0.69, "send hi", 3, "A"), **POSTMORTEM) as watch:
        await seen(watch, "frame", "A", dir="in", count=2)
        os.kill(server.workers[0], signal.SIGKILL)
        await looked(watch, "A", "B", stage="tls")
        assert await watch.finish() == 1
    recorder.keep("gunicorn-tls-worker-killed", watch)


async def tls_workers_are_replaced(start: Starter, recorder: Recorder, certificate: Certificate) -> None:
    files = ("--certfile", str(certificate.chain), "--keyfile", str(certificate.key))
    server = start(Gunicorn, UVICORN, *files)
    words = [f"A={server.tls_url}", f"B={server.tls_url}", "--cacert", str(certificate.ca), "--reconnect", "--stdin"]
    async with probing(*words, *every(0.74, "ping", 3, "B"), **POSTMORTEM) as watch:
        await seen(watch, "frame", "B", dir="in", count=3)
        os.kill(server.pid, signal.SIGHUP)
        for session in ("A", "B"):
            await seen(watch, "open", session, count=2)
        assert await watch.finish() == 1
    recorder.keep("gunicorn-tls-reload", watch)


async def it_is_killed_and_stays_away(start: Starter, recorder: Recorder) -> None:
    """kill -9 for one server, while another client of another server lives on."""
    server, other = start(Faye, ping=2), start(Rules)
    words = [f"A={server.url}", f"B={server.url}", f"else={other.url}", "--stdin", *every(0.98, "send hi", 5, "else")]
    async with probing(*words, **POSTMORTEM) as watch:
        await seen(watch, "frame", "else", dir="in", count=2)
        os.kill(server.pid, signal.SIGKILL)
        await looked(watch, "A", "B", ok=False)
        await seen(watch, "frame", "else", dir="in", count=4)
        assert await watch.finish() == 1
    recorder.keep("faye-killed", watch)


async def test_frozen(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            it_is_frozen(start, recorder),
            its_queue_is_full(start, recorder),
            the_client_is_frozen(start, recorder),
        )
    )


async def test_well_after_all(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            no_subprotocol_is_agreed(start, recorder),
            a_long_silence(start, recorder),
            pongs_come_late(start, recorder),
        )
    )


async def test_workers(start: Starter, recorder: Recorder, certificate: Certificate) -> None:
    await together(
        (
            tls_worker_is_killed(start, recorder, certificate),
            tls_workers_are_replaced(start, recorder, certificate),
            it_is_killed_and_stays_away(start, recorder),
        )
    )
