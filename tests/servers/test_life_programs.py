"""Programs behind WebSockets, STOMP and SockJS that are restarted, die, cut, stall or say what is wrong with them."""

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.probing import ask, seen
from tests.servers.asgi_hosts import Daphne, Hypercorn
from tests.servers.between import Table, assert_cut, opened, says, sockjs, staged, stomp, ws, wss
from tests.servers.child import Daemon
from tests.servers.frameworks import Aiohttp
from tests.servers.haproxy import HaProxy
from tests.servers.joined import GUEST, beaten, subscribe
from tests.servers.looks import every, watched
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python import PythonEndings
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring, sessions
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

KILL_THE_OLDER = "exit(hd(lists:sort(rabbit_channel:list())), kill)."
"""Ends the process that RabbitMQ has for the older of its sessions."""


class UnderDevelopment(Daemon):
    """uvicorn as a developer runs it: ``--reload`` starts it anew whenever a file has changed."""

    def __init__(self, home: Path) -> None:
        (port,) = free_ports(1)
        self._application = Path(shutil.copy(Path(__file__).with_name("asgi.py"), home))
        words = [sys.executable, "-m", "uvicorn", "asgi:application", "--app-dir", str(home)]
        words += ["--host", LOOPBACK, "--port", str(port), "--reload", "--reload-dir", str(home)]
        super().__init__(port, words, log=home / "uvicorn.log", says="Application startup complete", timeout=20)

    def edit(self) -> None:
        """The developer saves the program."""
        self._application.write_text(self._application.read_text() + "\n")


async def again(watch: Watch, *names: str) -> None:
    """Returns once each is open for the second time and has said something that came back."""
    for name in names:
        await seen(watch, "open", name, count=2)
        await ask(watch, "send back again", name)
        await seen(watch, "frame", name, dir="in", text="back again")


async def test_daphne_is_restarted(start: Starter, recorder: Recorder) -> None:
    """Its unit is restarted and takes its time; who reconnects is let in. Another server's session stays."""
    server, other = start(Daphne), start(NodeWs)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "busy", dir="in", count=4)
        await asyncio.to_thread(server.end, signal.SIGTERM)
        await seen(watch, "end", "idle", how="refused")
        server.begin()
        await again(watch, "busy", "idle")

    tables = {
        "busy": ws(server.port, do=says(0.62, 3), reconnect=True),
        "idle": ws(server.port, reconnect=True),
        "elsewhere": ws(other.port, do=says(0.9, 8)),
    }
    watch = await staged(tables, "busy", "idle", strike=strike)
    assert_cut(watch, "busy", "idle")
    recorder.keep("life-daphne-restarted", watch)


async def test_uvicorn_reloads_itself(start: Starter, recorder: Recorder) -> None:
    """A file was saved: 1012, and the new process is there as soon as it has read it."""
    server = start(UnderDevelopment)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "tab1", dir="in", count=3)
        server.edit()
        for name in ("tab1", "tab2"):
            await seen(watch, "close", name)
        await again(watch, "tab1", "tab2")

    tables = {"tab1": ws(server.port, "/live", do=says(0.71, 2.2), reconnect=True)}
    watch = await staged(tables | {"tab2": ws(server.port, "/live", reconnect=True)}, "tab1", "tab2", strike=strike)
    assert {line["code"] for line in watch.of("close")[:2]} == {1012}
    recorder.keep("life-uvicorn-dev-reload", watch)


async def test_hypercorn_is_killed_under_one_alone(start: Starter, recorder: Recorder) -> None:
    """The kernel took its memory back. The client had said the last word."""
    server = start(Hypercorn)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "A", dir="in", count=5)
        await asyncio.to_thread(server.end)

    watch = await staged({"A": ws(server.port, do=says(0.68, 3.5))}, "A", strike=strike, ok=False)
    assert_cut(watch, "A")
    recorder.keep("life-hypercorn-killed-alone", watch)


async def test_spring_is_killed_under_tls(
    start: Starter, certificate: Certificate, echo_port: int, recorder: Recorder
) -> None:
    """STOMP with beats of 3.4 s, one that orders and one that listens; an echo elsewhere stays."""
    tls = (f"--server.ssl.certificate={certificate.chain}", f"--server.ssl.certificate-private-key={certificate.key}")
    spring = start(Spring, options=tls, heart_beat="3400,3400")
    words = [*sessions(spring.port, "ws", "orders", "board", tls=True), f"echo=ws://{LOOPBACK}:{echo_port}/"]
    words += ["--cacert", str(certificate.ca), "--heart-beat", "3400,3400", "--do", "0.2 board: subscribe /topic/o"]
    words += [*every(0.83, "stomp-send /topic/o one more", 5, "orders"), *every(1.3, "send tick", 7, "echo")]

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "orders", command="beat", dir="in")
        await seen(watch, "stomp", "board", command="MESSAGE", count=4)
        await asyncio.to_thread(spring.end)

    watch = await watched(words, ("orders", "board"), ok=False, strike=strike)
    assert_cut(watch, "orders", "board")
    recorder.keep("life-spring-wss-killed", watch)


async def test_a_program_cuts_one_of_three_behind_haproxy(
    start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """``terminate`` for the one that talks most; HAProxy hands its end on under TLS, and keeps the others."""
    server = start(NodeEndings)
    haproxy = start(HaProxy, server.port, certificate=certificate)
    tables = {
        "anna": wss(haproxy.port, certificate, do=says(0.57, 6)),
        "bert": wss(haproxy.port, certificate, do=[*says(0.49, 3.3), "3.4 send terminate"]),
        "carl": wss(haproxy.port, certificate),
    }
    watch = await staged(tables, "bert")
    assert_cut(watch, "bert")
    recorder.keep("life-haproxy-wss-program-cuts-one", watch)


async def test_a_program_resets_one_of_two_in_a_tunnel(start: Starter, recorder: Recorder) -> None:
    """What is a reset at the program comes out of ``ssh -L`` as an end in order; the other in the tunnel goes on."""
    server = start(NodeEndings)
    tunnel = start(SshTunnel, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "b", dir="in", opcode=1, count=5)
        await ask(watch, "send reset", "a")

    tables = {"a": ws(tunnel.port, ping_interval=1.1), "b": ws(tunnel.port, do=says(0.66, 5.5))}
    watch = await staged(tables, "a", strike=strike)
    assert_cut(watch, "a")
    recorder.keep("life-ssh-program-resets-one", watch)


async def test_a_farewell_that_never_ends(start: Starter, recorder: Recorder) -> None:
    """It says 1001 to one client, then cleans up with a call that blocks its event loop; another server is well."""
    server, other = start(PythonEndings, ping_interval=None), start(NodeWs)
    tables = {
        "A": ws(server.port, do=[*says(0.9, 2), "2.4 send stall 1001 6"], close_timeout=2.3),
        "elsewhere": ws(other.port, do=says(1.2, 6)),
    }
    watch = await staged(tables, "A")
    assert watch.the("close", "A")["received"]["code"] == 1001
    recorder.keep("life-python-close-then-blocked", watch)


async def test_our_farewell_is_answered_and_no_more(
    start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """We close with 1000 under TLS; the program answers and stands still before it ends TCP."""
    server = start(NodeEndings, cert=str(certificate.chain), key=str(certificate.key))
    table: Table = wss(server.port, certificate, close_timeout=3.4)
    table["do"] = ["0.4 send hello", "1.1 send hang-when-answered", "2.7 close 1000 done"]
    watch = await staged({"A": table}, "A", status=0)
    assert watch.the("close", "A")["initiator"] == "local"
    recorder.keep("life-node-wss-answered-then-stalled", watch)


async def test_aiohttp_tells_everybody_to_come_back(
    start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """A deployment says 1013 to one that talks and one that idles, behind nginx with TLS; elsewhere all is well."""
    server, other = start(Aiohttp, says_bye=[1013, "back in 20 s"]), start(NodeWs)
    nginx = start(Nginx, server.port, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "talks", dir="in", count=4)
        os.kill(server.pid, signal.SIGTERM)

    tables = {
        "talks": wss(nginx.port, certificate, do=says(0.68, 5)),
        "idles": wss(nginx.port, certificate),
        "elsewhere": ws(other.port, do=says(1.1, 6)),
    }
    watch = await staged(tables, "talks", "idles", strike=strike)
    assert {watch.the("close", name)["received"]["code"] for name in ("talks", "idles")} == {1013}
    recorder.keep("life-nginx-aiohttp-1013-all", watch)


async def test_sockjs_asks_to_come_back_later(start: Starter, recorder: Recorder) -> None:
    """``c[1013,…]`` on a stream, for one alone."""
    server = start(SockJsNode, heartbeat_delay=1300)
    tables = {
        "stream": sockjs(
            server.port, "xhr-streaming", do=["1.2 send hello", "3.7 send close 1013 Try again in a minute"]
        ),
    }
    watch = await staged(tables, "stream")
    recorder.keep("life-sockjs-stream-1013", watch)


async def test_rabbitmqs_channel_dies(own_broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The process that serves one of two sessions fails inside the broker, which goes on."""

    async def strike(watch: Watch) -> None:
        await subscribe(watch, "first", "/topic/life")
        await opened(watch, second=stomp(own_broker.stomp_port, "1700,1700", GUEST))
        await beaten(watch, "first", 2)
        await asyncio.to_thread(own_broker.ctl, "eval", KILL_THE_OLDER)

    tables = {"first": stomp(own_broker.stomp_port, "1700,1700", GUEST)}
    watch = await staged(tables, "first", strike=strike)
    recorder.keep("life-rabbitmq-channel-dies", watch)


async def test_hypercorns_application_fails(start: Starter, recorder: Recorder) -> None:
    """For one alone, in the middle of its talk; no look is taken afterwards."""
    server = start(Hypercorn)
    tables = {"A": ws(server.port, "/live", do=[*says(0.41, 2.3), "2.9 send raise"], no_postmortem=True)}
    watch = await staged(tables, "A")
    recorder.keep("life-hypercorn-application-raises", watch)
