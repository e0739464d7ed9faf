"""Ends that a server's own program makes, behind proxies or directly, next to sessions that it leaves alone."""

import asyncio
import json
import os
import signal

import pytest

from tests.probing import seen
from tests.servers.asgi_hosts import Daphne, Hypercorn
from tests.servers.between import Table, assert_cut, restarted, says, staged, ws, wss
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import GraphqlWs, NodeEndings, NodeWs
from tests.servers.node_apps import Rules
from tests.servers.python import PythonEndings
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_hypercorn_has_nobody_free(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """1013 for one who waited for an agent, behind HAProxy with TLS; who already talks to one goes on."""
    server = start(Hypercorn)
    haproxy = start(HaProxy, server.port, certificate=certificate)
    tables = {
        "talks": wss(haproxy.port, certificate, do=says(0.9, 5)),
        "waits": wss(haproxy.port, certificate, do=["2.7 send close 1013 all agents are busy, try again later"]),
    }
    watch = await staged(tables, "waits")
    assert watch.the("close", "waits")["received"]["code"] == 1013
    recorder.keep("house-haproxy-hypercorn-1013", watch)


async def test_a_frame_that_does_not_come_whole(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """The program ends TCP in the middle of a report, behind nginx with TLS; the other session hears on."""
    server = start(NodeEndings)
    nginx = start(Nginx, server.port, certificate=certificate)
    part = "817e0312" + json.dumps({"report": "2026-11", "rows": ["a" * 40]}).encode().hex()
    tables = {
        "other": wss(nginx.port, certificate, do=says(1.1, 5)),
        "report": wss(nginx.port, certificate, do=["0.8 send hello", f"2.4 send cut {part}"]),
    }
    watch = await staged(tables, "report", stage="tls")
    recorder.keep("house-nginx-report-cut-short", watch)


async def test_hypercorn_is_restarted_behind_nginx(
    start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """In order; both come back by themselves. A session with another server does not notice."""
    server, other = start(Hypercorn, graceful_timeout=1), start(NodeWs)
    nginx = start(Nginx, server.port, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "desk", dir="in", count=3)
        await asyncio.to_thread(restarted, server)
        for name in ("desk", "board"):
            await seen(watch, "open", name, count=2)

    tables = {
        "desk": wss(nginx.port, certificate, reconnect=True, do=says(0.7, 4)),
        "board": wss(nginx.port, certificate, reconnect=True),
        "other": ws(other.port, ping_interval=1.6),
    }
    watch = await staged(tables, "desk", "board", strike=strike)
    recorder.keep("house-nginx-hypercorn-restarted", watch)


async def test_an_application_fails_under_daphne(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """An exception for one message, behind HAProxy with TLS; the other session's messages come back."""
    server = start(Daphne)
    haproxy = start(HaProxy, server.port, certificate=certificate)
    tables = {
        "well": wss(haproxy.port, certificate, do=says(0.8, 4)),
        "fails": wss(haproxy.port, certificate, do=[*says(0.6, 2), "2.2 send raise"]),
    }
    watch = await staged(tables, "fails", stage="tls")
    assert watch.the("close", "fails")["received"]["code"] == 1011
    recorder.keep("house-haproxy-daphne-application-fails", watch)


async def test_graphql_runs_out_of_memory(start: Starter, recorder: Recorder) -> None:
    """V8 aborts the process: one session subscribes, one has said no more than its first word; nobody restarts it."""
    server, other = start(GraphqlWs), start(NodeWs)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "pings", dir="in", count=4)
        os.kill(server.pid, signal.SIGABRT)

    speaks: Table = {"subprotocol": ["graphql-transport-ws"]}
    hello, ping = (json.dumps({"type": kind}) for kind in ("connection_init", "ping"))
    tables = {
        "quiet": ws(server.port, "/graphql", do=[f"0.1 send {hello}"], **speaks),
        "pings": ws(server.port, "/graphql", do=[f"0.1 send {hello}", *says(0.9, 6, f"send {ping}")], **speaks),
        "other": ws(other.port, do=says(1.3, 5)),
    }
    watch = await staged(tables, "quiet", "pings", strike=strike)
    assert_cut(watch, "quiet", "pings")
    recorder.keep("house-graphql-out-of-memory", watch)


async def test_a_program_cuts_one_behind_stunnel(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """ws's ``terminate()`` for a busy one; an idle one of the same program is left."""
    server = start(Rules)
    stunnel = start(Stunnel, server.port, certificate)
    tables = {
        "idle": wss(stunnel.port, certificate, ping_interval=1.9),
        "busy": wss(stunnel.port, certificate, do=[*says(0.65, 2.5), "2.83 send end cut"]),
    }
    watch = await staged(tables, "busy", stage="tls")
    assert_cut(watch, "busy")
    recorder.keep("house-stunnel-program-cuts-busy-one", watch)


async def test_a_goodbye_without_an_end(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Its Close comes, and then its event loop stands still: TCP stays, behind HAProxy with TLS."""
    server, other = start(PythonEndings), start(NodeWs)
    haproxy = start(HaProxy, server.port, certificate=certificate)
    tables = {
        "other": ws(other.port, do=says(1.2, 5)),
        "A": wss(haproxy.port, certificate, do=[*says(0.7, 2), "2.5 send stall 4100 7"], close_timeout=2.7),
    }
    watch = await staged(tables, "A")
    assert watch.the("close", "A")["received"]["code"] == 4100
    recorder.keep("house-haproxy-python-4100-then-stands-still", watch)


async def test_too_many_messages_through_ssh(start: Starter, recorder: Recorder) -> None:
    """A program's own rule; who keeps to it goes on through the same tunnel."""
    server = start(Rules, rate={"most": 5, "end": [1008, "flood protection: 5 messages per second"]})
    tunnel = start(SshTunnel, server.port)
    burst = [f"{2.4 + n / 20:.2f} send cursor {n}" for n in range(8)]
    tables = {
        "calm": ws(tunnel.port, do=says(0.85, 4.5)),
        "hasty": ws(tunnel.port, do=["0.9 send cursor", *burst]),
    }
    watch = await staged(tables, "hasty")
    assert watch.the("close", "hasty")["received"]["code"] == 1008
    recorder.keep("house-ssh-flood-protection-1008", watch)
