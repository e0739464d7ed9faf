"""Sessions that a network cuts: flows that are reset, ways that go dark, our own cable, the tunnel underneath."""

import asyncio
import signal

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.afar import Afar
from tests.servers.between import Table, opened, says, sockjs
from tests.servers.haproxy import HaProxy
from tests.servers.lines import (
    DEFAULT_RETRIES,
    THERE,
    beaten,
    echoed,
    elsewhere,
    join,
    leave,
    open_doors,
    over,
    within,
)
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.node import command as node_command
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import TALK, ashore, trusts
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


def local_port(watch: Watch, session: str) -> int:
    """Our port of a session's connection."""
    local: str = watch.of("tcp", session)[0]["local"]
    return int(local.rpartition(":")[2])


async def test_one_flow_is_reset(start: Starter, recorder: Recorder) -> None:
    """A firewall on the way has something against one of two busy sessions with the same Spring."""
    with routed() as hosts:
        port = ashore(hosts, start, Spring, heart_beat="3500,3500")
        table = {"heart_beat": "3500,3500", "subscribe": ["/topic/a"]}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            desk = {"url": f"stomp+ws://{SERVER}:{port}/ws", "do": says(1.17, 12, TALK)} | table
            phone = {"url": f"stomp+http://{SERVER}:{port}/sockjs", "sockjs_transport": "xhr-streaming"} | table
            await opened(watch, phone=phone, desk=desk)
            await seen(watch, "stomp", "phone", command="MESSAGE", count=4)
            hosts.router.wall(f"tcp sport {local_port(watch, 'desk')} reject with tcp reset")
            await over(watch, "desk")
            await beaten(watch, 1, "phone")
            await leave(watch, "phone", status=1)
    assert watch.the("close", "desk")["transport"]["how"] == "reset"
    recorder.keep("wire-reset-one-flow-spring", watch)


async def test_a_busy_sealed_flow_is_reset(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """uvicorn speaks TLS; one session, that talks all the time, and nobody else to compare it with."""
    with routed() as hosts:
        files = {"ssl_certfile": certificate.chain, "ssl_keyfile": certificate.key}
        port = ashore(hosts, start, Uvicorn, ws_ping_interval=2.7, ws_ping_timeout=4, **files)
        table = {"url": f"wss://{SERVER}:{port}/live", "do": says(0.83, 12, "send tick")} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, A=table)
            await echoed(watch, 7, "A")
            hosts.router.wall(f"tcp sport {local_port(watch, 'A')} reject with tcp reset")
            await over(watch, "A")
            await leave(watch, status=1)
    assert watch.the("close", "A")["transport"]["how"] == "reset"
    recorder.keep("wire-reset-wss-alone", watch)


async def test_the_way_to_spring_goes_dark(start: Starter, recorder: Recorder) -> None:
    """An XHR stream whose user talks; another host behind the same router is still there."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(4)
        port = ashore(hosts, start, Spring, heart_beat="4000,4000", sockjs_heart_beat=4000)
        stream: Table = {"url": f"stomp+http://{SERVER}:{port}/sockjs", "sockjs_transport": "xhr-streaming"}
        stream |= {"heart_beat": "4000,4000", "do": says(1.3, 20, TALK)}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, stream=stream, third={"url": THERE, "do": says(2.4, 24, "send tick")})
            await beaten(watch, 1, "stream")
            hosts.router.wall(f"ip daddr {SERVER} drop", name="to")
            hosts.router.wall(f"ip saddr {SERVER} drop", name="from")
            await within(watch, 30, "close", "stream")
            await over(watch, "stream")
            await leave(watch, "third", status=1)
    recorder.keep("wire-blackhole-spring-stream", watch)


async def test_the_way_to_one_address_goes_dark(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """HAProxy has two; what we say to one of them is lost. Our ping is never acknowledged."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        with hosts.server.inside():
            server = start(Uvicorn, ws_ping_interval=30)
            haproxy = start(HaProxy, server.port, certificate=certificate)
        open_doors(hosts.server, haproxy.port)
        table = trusts(certificate) | {"ping_interval": 2.3, "ping_timeout": 3.4, "close_timeout": 1.5}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            for name, address in (("lost", OTHER), ("well", SERVER)):
                await opened(watch, **{name: {"url": f"wss://{address}:{haproxy.port}/"} | table})
            await seen(watch, "frame", "lost", opcode=10, dir="in", count=2)
            hosts.router.wall(f"ip daddr {OTHER} drop")
            await over(watch, "lost")
            await leave(watch, "well", status=1)
    close = watch.the("close", "lost")
    assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    recorder.keep("wire-blackhole-haproxy-one-address", watch)


async def test_our_cable_is_out(start: Starter, recorder: Recorder) -> None:
    """The interface is down under a SockJS session; the development server on this machine is well."""
    with routed() as hosts:
        hosts.be_patient(3)
        port = ashore(hosts, start, SockJsNode, heartbeat_delay=1500)
        hosts.start(*node_command("ws.mjs", LOOPBACK, 3000), on=hosts.client)
        remote = {"url": f"http://{SERVER}:{port}/echo", "sockjs_transport": "websocket"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, remote=remote | {"do": says(1.7, 20, "send tick")})
            await opened(watch, here={"url": f"ws://{LOOPBACK}:3000/", "do": says(2.2, 20, "send tick")})
            await seen(watch, "frame", "remote", opcode=9, dir="in", count=2)
            hosts.client.ip("link", "set", "eth0", "down")
            await within(watch, 30, "close", "remote")
            await over(watch, "remote")
            await leave(watch, "here", status=1)
    recorder.keep("wire-local-cable-out-loopback-lives", watch)


async def test_the_modem_is_pulled_out(afar: Afar, recorder: Recorder) -> None:
    """The interface is not there any more under a session with ActiveMQ, the only one."""
    with routed(afar.host) as hosts:
        hosts.be_patient(3)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "feed", "activemq", "2200,2600")
            await beaten(watch, 2, "feed")
            hosts.client.ip("link", "delete", "eth0")
            await within(watch, 30, "close", "feed")
            await over(watch, "feed")
            await leave(watch, status=1)
    recorder.keep("wire-local-modem-pulled-alone", watch)


async def test_the_terminal_of_the_tunnel_says_no_more(start: Starter, recorder: Recorder) -> None:
    """Ctrl-C in the terminal where ``ssh -L`` to Spring runs; who goes to Spring directly is well."""
    spring = await asyncio.to_thread(start, Spring, heart_beat="2800,2800")
    tunnel = await asyncio.to_thread(start, SshTunnel, spring.port)
    through = {"url": f"stomp+http://{LOOPBACK}:{tunnel.port}/sockjs", "sockjs_transport": "xhr-streaming"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            direct={"url": spring.ws_url, "heart_beat": "2800,2800"},
            through=through | {"heart_beat": "2800,2800", "do": says(1.7, 12, TALK)},
        )
        await beaten(watch, 1, "through", "direct")
        tunnel.kill_client(signal.SIGINT)
        await looked(watch, "through", ok=False)
        assert not watch.of("close", "direct")
        assert await watch.finish() == 1
    recorder.keep("wire-tunnel-ssh-spring", watch)


async def test_the_tunnel_under_polls_ends(start: Starter, recorder: Recorder) -> None:
    """``ssh -L`` to sockjs-node is terminated; one session that polls, and whose user wants no look after a drop."""
    server = start(SockJsNode, heartbeat_delay=2900)
    tunnel = await asyncio.to_thread(start, SshTunnel, server.port)
    async with probing("--stdin") as watch:
        await open_session(watch, name="A", **sockjs(tunnel.port, "xhr-polling", do=says(1.1, 9, "send tick")))
        await seen(watch, "sockjs", "A", kind="h")
        assert (await ask(watch, "send and once more", "A"))["ok"]
        await seen(watch, "sockjs", "A", dir="in", messages=["and once more"])
        tunnel.kill_client(signal.SIGTERM)
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    recorder.keep("wire-tunnel-ssh-polling-alone", watch)
