"""Ends that somebody means, and this machine's own, once more."""

import asyncio
import os
import signal

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.between import opened, says, staged, web_stomp, ws, wss
from tests.servers.endings import assert_said
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.lines import behind_nginx, echoed, leave, over, trusting
from tests.servers.looks import every, looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings
from tests.servers.python import PythonWs
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import routed
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_viewer_that_reads_late(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Node, behind nginx with TLS, has too much waiting for one who stood still for 2.7 s: 3008. Its twin is calm.

    The hosts' kernels keep little.
    """
    with routed() as hosts:
        for host in (hosts.client, hosts.server):
            host.set(net__ipv4__tcp_rmem="4096 16384 16384", net__ipv4__tcp_wmem="4096 16384 16384")
        hosts.start_node(slow={"above": 50000, "code": 3008, "reason": "slow consumer"})
        _, url = behind_nginx(hosts, start, certificate, 8080)
        words = (*trusting(certificate), "--no-compression", *every(1.1, "send hello", 7, "calm"), "--stdin")
        async with watching(f"calm={url}", f"slow={url}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 1, "calm")
            await watch.command("slow: send flood 70 6000")
            await watch.command("slow: freeze 2.7")
            await over(watch, "slow", stage="tls")
            await leave(watch, "calm", status=1)
    assert_said(watch.the("close", "slow"), 3008, "slow consumer")
    recorder.keep("liveness-node-slow-consumer-3008", watch)


async def test_a_laptop_sleeps_under_uvicorn(start: Starter, recorder: Recorder) -> None:
    """uvicorn behind HAProxy asks every 2.1 s and gives up after 1.7; the other server asks nobody. 6.3 s of sleep."""
    asks, patient = start(Uvicorn, ws_ping_interval=2.1, ws_ping_timeout=1.7), start(PythonWs, ping_interval=None)
    proxy = start(HaProxy, asks.port, tunnel=40)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, chat=ws(proxy.port, do=says(0.9, 3)), log=ws(patient.port, do=says(1.3, 3)))
        await seen(watch, "frame", "chat", opcode=10, dir="out", count=1)
        with frozen(watch.process.pid):
            await asyncio.sleep(6.3)  # the laptop's lid is closed
        await seen(watch, "stall")
        await looked(watch, "chat")
        await ask(watch, "send awake", "log")
        await seen(watch, "frame", "log", dir="in", text="awake")
        assert await watch.finish() == 1
    assert watch.the("close", "chat")["initiator"] == "remote"
    recorder.keep("liveness-haproxy-uvicorn-laptop-sleeps", watch)


async def test_a_page_is_thrown_away(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """RabbitMQ's WebSocket behind nginx with TLS: one of two is aborted here between two beats."""
    proxy = start(Nginx, broker.port, 40, certificate)
    base = web_stomp(proxy.port, "1600,1600", cacert=str(certificate.ca), subscribe=["/topic/live.prices"])
    base["url"] = f"stomp+wss://localhost:{proxy.port}/ws"
    watch = await staged(
        {"kept": base, "thrown": base | {"do": [*says(0.8, 3, "stomp-send /topic/live.prices 9"), "4.4 abort"]}},
        "thrown",
        status=0,
    )
    assert watch.the("close", "thrown")["initiator"] == "local"
    recorder.keep("liveness-nginx-page-thrown-away", watch)


async def test_a_node_is_taken_out(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Node with TLS of its own says 1001 to two of its clients; another server's goes on."""
    server = start(NodeEndings, cert=str(certificate.chain), key=str(certificate.key))
    other = start(PythonWs, ping_interval=1.9)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "busy", dir="in", opcode=1, count=5)
        os.kill(server.pid, signal.SIGTERM)

    watch = await staged(
        {
            "busy": wss(server.port, certificate, do=says(0.7, 6)),
            "idle": wss(server.port, certificate),
            "other": ws(other.port),
        },
        "busy",
        "idle",
        strike=strike,
        ok=False,
    )
    assert {line["code"] for line in watch.of("close") if line["s"] != "other"} == {1001}
    recorder.keep("liveness-node-wss-taken-out-1001", watch)


async def test_the_shift_is_over(start: Starter, recorder: Recorder) -> None:
    """Behind ssh: one of two says 1000 and why, and goes."""
    server = start(PythonWs, ping_interval=2.7)
    tunnel = start(SshTunnel, server.port)
    watch = await staged(
        {
            "early": ws(tunnel.port, do=[*says(0.9, 3), "3.4 close 1000 end of shift"]),
            "late": ws(tunnel.port, do=says(1.7, 8)),
        },
        "early",
        status=0,
    )
    assert watch.the("close", "early")["sent"] == {"code": 1000, "reason": "end of shift"}
    recorder.keep("liveness-ssh-end-of-shift", watch)


async def test_a_document_is_deleted(start: Starter, recorder: Recorder) -> None:
    """Behind nginx: two editors of one document are told 4456 at one moment; who edits another one goes on."""
    async with house(ping_interval=2.3) as app:
        proxy = start(Nginx, app.port, 40)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "anna", dir="in", opcode=1, count=4)
            for editor in ("anna", "bert"):
                client: ServerConnection = app.clients[editor]
                await client.close(4456, "document was deleted")

        watch = await staged(
            {
                "anna": ws(proxy.port, "/?user=anna&document=1", do=says(0.8, 6, "send insert a")),
                "bert": ws(proxy.port, "/?user=bert&document=1"),
                "cleo": ws(proxy.port, "/?user=cleo&document=2", do=says(1.4, 6, "send insert c")),
            },
            "anna",
            "bert",
            strike=strike,
        )
    for editor in ("anna", "bert"):
        assert_said(watch.the("close", editor), 4456, "document was deleted")
    recorder.keep("liveness-nginx-document-deleted-4456", watch)
