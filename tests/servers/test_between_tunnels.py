"""STOMP and SockJS through ssh: its halves killed, held, and given up by its own keep-alives, from either side."""

import signal

import pytest

from tests.probing import seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import assert_cut, direct, says, sockjs, staged, stomp, ws
from tests.servers.frozen import frozen
from tests.servers.joined import CREW, beaten
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.waiting import eventually
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_its_terminal_is_closed(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Two STOMP sessions through ``-L``; the broker is well, as a third one knows."""
    tunnel = start(SshTunnel, broker.stomp_port)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "brisk", 2)
        tunnel.kill_client(signal.SIGHUP)

    tables = {"brisk": stomp(tunnel.port, "750,750"), "idle": stomp(tunnel.port, "0,0"), "direct": direct(broker)}
    watch = await staged(tables, "brisk", "idle", strike=strike, ok=False)
    assert_cut(watch, "brisk", "idle")
    recorder.keep("between-ssh-l-stomp-near-half-ends", watch)


async def test_a_socks_proxy_by_ssh_is_killed(start: Starter, recorder: Recorder) -> None:
    """SockJS over HTTP and over WebSocket."""
    server = start(SockJsNode, heartbeat_delay=1000)
    tunnel = start(SshTunnel, server.port, way="-D")
    way = {"proxy": f"socks5h://{LOOPBACK}:{tunnel.port}"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "polls", kind="h", count=2)
        tunnel.kill_client()

    tables = {
        "polls": sockjs(server.port, "xhr-polling", **way),
        "socket": sockjs(server.port, "websocket", do=says(0.6, 4), **way),
        "past": sockjs(server.port, "websocket"),
    }
    watch = await staged(tables, "polls", "socket", strike=strike, ok=False)
    recorder.keep("between-ssh-d-sockjs-near-half-killed", watch)


async def test_sshd_gives_up_a_near_half_that_slept(start: Starter, recorder: Recorder) -> None:
    """``ClientAliveInterval``: the near half learns of it when it wakes, and ends."""
    server = start(NodeWs)
    tunnel = start(SshTunnel, server.port, rules="ClientAliveInterval 1\nClientAliveCountMax 2")

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "busy", dir="in", count=3)
        with frozen(tunnel.near_pid):
            eventually(tunnel.far_half_is_gone)

    tables = {"busy": ws(tunnel.port, do=says(0.5, 6)), "idle": ws(tunnel.port), "direct": ws(server.port)}
    watch = await staged(tables, "busy", "idle", strike=strike, ok=False)
    assert_cut(watch, "busy", "idle")
    recorder.keep("between-ssh-client-alive", watch)


async def test_ssh_gives_up_a_silent_far_half(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """``ServerAliveInterval``: the broker's beats stay away for a while, then all that went through it ends."""
    tunnel = start(SshTunnel, activemq.port, alive=2)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "brisk", 2)
        tunnel.signal_far_half(signal.SIGSTOP)

    tables = {
        "brisk": stomp(tunnel.port, "2000,1000", CREW),
        "idle": stomp(tunnel.port, "0,0", CREW),
        "direct": direct(activemq),
    }
    try:
        watch = await staged(tables, "brisk", "idle", strike=strike, ok=False)
    finally:
        tunnel.signal_far_half(signal.SIGCONT)
    assert_cut(watch, "brisk", "idle")
    recorder.keep("between-ssh-server-alive-stomp", watch)


async def test_the_broker_stands_still_for_a_while(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Behind ``-L`` and behind ``-D``; its beats come again before anybody's patience ends."""
    local, socks = start(SshTunnel, broker.stomp_port), start(SshTunnel, broker.stomp_port, way="-D")

    async def strike(watch: Watch) -> None:
        await beaten(watch, "local", 2)
        with frozen(broker.pid):
            for name in ("local", "socks"):
                await seen(watch, "heartbeat", name, layer="stomp-in", state="missed")
        await beaten(watch, "local", 2)
        await beaten(watch, "socks", 2)

    tables = {
        "local": stomp(local.port, "1300,1300"),
        "socks": stomp(broker.stomp_port, "1500,1500", proxy=f"socks5h://{LOOPBACK}:{socks.port}"),
    }
    watch = await staged(tables, strike=strike, status=0)
    recorder.keep("between-ssh-broker-pause-survived", watch)
