"""The same causes in other products and other words, where one is easily taken for another."""

import asyncio
import os
import signal

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.between import opened, says, staged, ws, wss
from tests.servers.classic import ActiveMqWs
from tests.servers.endings import assert_cut, assert_said
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.lines import over
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonEndings, PythonWs
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.strict import StrictNode
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_token_ran_out_in_other_words(start: Starter, recorder: Recorder) -> None:
    """Behind HAProxy: a message says that the token expired, its Close a bare 4403 that could mean much. Alone."""
    since: dict[str, float] = {}

    async def api(user: str, client: ServerConnection, message: str | bytes) -> None:
        now = asyncio.get_running_loop().time()
        if now - since.setdefault(user, now) > 4.9:
            await client.send('{"type":"error","payload":{"name":"TokenExpiredError","message":"jwt expired"}}')
            await client.close(4403, "Forbidden")
        else:
            await client.send('{"type":"ack"}')

    async with house(api, ping_interval=3.3) as app:
        proxy = start(HaProxy, app.port, tunnel=40)
        query = ws(proxy.port, "/?user=anna", do=says(0.9, 8, 'send {"type":"query"}'))
        watch = await staged({"api": query}, "api", stage="http")
    assert_said(watch.the("close", "api"), 4403, "Forbidden")
    recorder.keep("liveness-haproxy-jwt-expired-4403", watch)


async def test_a_board_that_only_listens(start: Starter, recorder: Recorder) -> None:
    """ActiveMQ over WebSocket behind nginx: prices come and come, the board has stopped to beat. The sender is well."""
    broker = start(ActiveMqWs)
    proxy = start(Nginx, broker.port, 40)
    base = {"heart_beat": "1500,1500", "subscribe": ["/topic/prices"]} | CREW
    watch = await staged(
        {
            "board": base | {"url": f"stomp+ws://{LOOPBACK}:{proxy.port}/", "do": ["2.3 hold-beats"]},
            "sender": {"url": broker.url, "heart_beat": "1500,1500", "do": says(2.2, 9, "stomp-send /topic/prices 9")}
            | CREW,
        },
        "board",
    )
    assert watch.the("close", "board")["initiator"] == "remote"
    recorder.keep("liveness-nginx-activemq-board-holds-beats", watch)


async def test_no_pong_and_all_else_well(start: Starter, recorder: Recorder) -> None:
    """Node without pongs, behind ssh: one session alone that only pings, and the look after it is answered."""
    server = start(NodeWs, autoPong=False)
    tunnel = start(SshTunnel, server.port)
    watch = await staged({"A": ws(tunnel.port, ping_interval=3.1, ping_timeout=2.3)}, "A", stage="http")
    assert watch.the("close")["sent"]["code"] == 1011
    recorder.keep("liveness-ssh-node-without-pongs", watch)


async def test_a_lid_is_closed_under_two(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Node behind stunnel cuts both who did not answer while the machine slept for 5.3 s; another server waits."""
    server, patient = start(NodeWs, pingEvery=1600), start(PythonWs, ping_interval=None)
    front = start(Stunnel, server.port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            typing=wss(front.port, certificate, do=says(0.7, 2.2)),
            reading=wss(front.port, certificate),
            notes=ws(patient.port),
        )
        await seen(watch, "frame", "typing", dir="in", opcode=1, count=3)
        with frozen(watch.process.pid):
            await asyncio.sleep(5.3)  # the lid is closed
        await seen(watch, "stall")
        await looked(watch, "typing", "reading", stage="tls")
        await ask(watch, "send awake", "notes")
        await seen(watch, "frame", "notes", dir="in", text="awake")
        assert await watch.finish() == 1
    assert {watch.the("close", name)["initiator"] for name in ("typing", "reading")} == {"remote"}
    recorder.keep("liveness-stunnel-lid-closed-under-two", watch)


async def test_an_hour_is_over(start: Starter, recorder: Recorder) -> None:
    """Behind ssh: a lone busy session is told 1008 and that no session may be longer."""

    async def age(_: str, client: ServerConnection, message: str | bytes) -> None:
        if message == "hello":
            await asyncio.sleep(5.8)
            await client.close(1008, "maximum session duration reached")

    async with house(age, ping_interval=1.7) as app:
        tunnel = start(SshTunnel, app.port)
        query = ws(tunnel.port, "/?user=anna", do=["0.2 send hello", *says(1.1, 8)])
        watch = await staged({"A": query}, "A", stage="http")
    assert_said(watch.the("close"), 1008, "maximum session duration reached")
    recorder.keep("liveness-ssh-longest-session-1008", watch)


async def test_a_normal_word_for_the_older(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Behind HAProxy with TLS: anna's older session is told 1000 "replaced" when the newer opens; bert's goes on."""
    server = start(NodeEndings, one=[1000, "replaced"])
    proxy = start(HaProxy, server.port, tunnel=40, certificate=certificate)

    def at(user: str) -> str:
        return f"wss://localhost:{proxy.port}/?user={user}"

    base = wss(proxy.port, certificate, ping_interval=2.2)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, bert=base | {"url": at("bert")})
        await opened(watch, old=base | {"url": at("anna"), "do": says(0.8, 2.6)})
        await seen(watch, "frame", "old", dir="in", opcode=1, count=3)
        await opened(watch, new=base | {"url": at("anna"), "do": says(0.9, 3)})
        await looked(watch, "old", stage="tls")
        await seen(watch, "frame", "new", dir="in", opcode=1, count=2)
        await watch.finish()
    assert_said(watch.the("close", "old"), 1000, "replaced")
    recorder.keep("liveness-haproxy-older-replaced-1000", watch)


async def test_a_stop_that_looks_like_idleness(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Behind HAProxy with TLS: a lone session that was quiet for long is told 1001, and then nobody is behind it."""
    server = start(PythonEndings, ping_interval=None)
    proxy = start(HaProxy, server.port, tunnel=40, certificate=certificate, options="retries 0")

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "A", dir="in", opcode=1)
        await asyncio.sleep(5.3)  # it is quiet
        os.kill(server.pid, signal.SIGTERM)
        await over(watch, "A", stage="http")

    watch = await staged({"A": wss(proxy.port, certificate, do=["0.4 send hello"])}, "A", strike=strike)
    assert watch.the("close")["code"] == 1001
    recorder.keep("liveness-haproxy-stop-after-silence-1001", watch)


async def test_idleness_that_looks_like_a_stop(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Behind stunnel: a bare 1001 5.4 s after the last word; who talks to the same server stays."""
    server = start(StrictNode, idle=5.4, ending=(1001, ""))
    front = start(Stunnel, server.port, certificate)
    watch = await staged(
        {
            "quiet": wss(front.port, certificate, do=["1.2 send here"]),
            "talks": wss(front.port, certificate, do=says(1.9, 10, "send here")),
        },
        "quiet",
        stage="tls",
    )
    assert_said(watch.the("close", "quiet"), 1001)
    recorder.keep("liveness-stunnel-idle-1001", watch)


async def test_pings_that_come_too_late(start: Starter, recorder: Recorder) -> None:
    """HAProxy cuts after 5.6 s of silence, the server would ping every 7.4; one session pings by itself."""
    server = start(PythonWs, ping_interval=7.4)
    proxy = start(HaProxy, server.port, tunnel=5.6)
    watch = await staged(
        {
            "reads": ws(proxy.port, do=["0.5 send a", "0.9 send b"]),
            "pings": ws(proxy.port, ping_interval=2.4),
        },
        "reads",
    )
    assert_cut(watch.the("close", "reads"))
    recorder.keep("liveness-haproxy-pings-too-late", watch)
