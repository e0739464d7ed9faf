"""What ends whole lots of sessions, or one way to a server; a reader that does not read; and runs where all is well."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.probing import ask, probing, seen
from tests.servers.asgi_hosts import Daphne, Hypercorn
from tests.servers.between import (
    Table,
    assert_cut,
    opened,
    restarted,
    says,
    sockjs,
    staged,
    stomp,
    web_stomp,
    ws,
)
from tests.servers.frameworks import Tornado
from tests.servers.frozen import frozen
from tests.servers.goapps import Melody
from tests.servers.golang import Gorilla, program
from tests.servers.house import house
from tests.servers.jvm import Vertx
from tests.servers.lesser import Lighttpd
from tests.servers.lines import leave
from tests.servers.looks import looked, signalled
from tests.servers.mosquitto import PING, connect
from tests.servers.nats import Nats
from tests.servers.nats import connect as hello
from tests.servers.network import SERVER, network
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import SocketIo
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.waiting import eventually
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

SOCKET_IO = "/socket.io/?EIO=4&transport=websocket"
MQTT: Table = {"subprotocol": ["mqtt"]}


async def test_socket_io_is_quiet(start: Starter, recorder: Recorder) -> None:
    """nginx waits three seconds and Socket.IO pings after twenty-five: who says nothing is cut, who talks stays."""
    nginx = start(Nginx, start(SocketIo).port, 3)
    tables = {
        "busy": ws(nginx.port, SOCKET_IO, do=["0.3 send 40", *says(1.2, 7, 'send 42["move",3]')]),
        "quiet": ws(nginx.port, SOCKET_IO, do=["0.4 send 40", '1.3 send 42["hello"]']),
    }
    watch = await staged(tables, "quiet")
    assert_cut(watch, "quiet")
    recorder.keep("swift-nginx-socketio-idle-3s", watch)


async def test_a_server_is_killed(start: Starter, recorder: Recorder) -> None:
    """The kernel kills melody's process under two of its users; one of another server is well. Direct."""
    server, other = start(Melody), start(NodeWs)
    tables = {
        "other": ws(other.port, do=says(1.1, 6)),
        "a": ws(server.port, "/ws", do=says(0.8, 5, "send hello")),
        "b": ws(server.port, "/ws"),
    }
    strike = signalled(server.pid, signal.SIGKILL, "a", 3)
    watch = await staged(tables, "a", "b", strike=strike, ok=False)
    assert_cut(watch, "a", "b")
    recorder.keep("swift-melody-killed-two", watch)


async def test_a_server_is_updated(start: Starter, recorder: Recorder) -> None:
    """Hypercorn is stopped in order and started again; its two clients come back, one elsewhere notices nothing."""
    server, other = start(Hypercorn), start(Gorilla)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            other=ws(other.port, "/ws", do=says(1.3, 9)),
            a=ws(server.port, reconnect=True, do=says(0.8, 3)),
            b=ws(server.port, reconnect=True),
        )
        await seen(watch, "frame", "a", dir="in", opcode=1, count=3)
        await asyncio.to_thread(restarted, server)
        for name in ("a", "b"):
            await seen(watch, "open", name, count=2)
        await ask(watch, "send again", "b")
        await seen(watch, "frame", "b", dir="in", opcode=1, text="again")
        await leave(watch, "other")
    recorder.keep("swift-hypercorn-restarted-two", watch)


async def test_a_proxy_is_updated(start: Starter, recorder: Recorder) -> None:
    """lighttpd is stopped and, a second later, there again; who goes round it to the same server is well."""
    server = start(NodeWs)
    lighttpd = start(Lighttpd, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            direct=ws(server.port, do=says(1.3, 9)),
            a=ws(lighttpd.port, reconnect=True, do=says(0.8, 3)),
            b=ws(lighttpd.port, reconnect=True),
        )
        await seen(watch, "frame", "a", dir="in", opcode=1, count=3)
        await asyncio.to_thread(lighttpd.stop)
        await asyncio.sleep(1.1)
        await asyncio.to_thread(lighttpd.begin)
        for name in ("a", "b"):
            await seen(watch, "open", name, count=2)
        await ask(watch, "send again", "b")
        await seen(watch, "frame", "b", dir="in", opcode=1, text="again")
        await leave(watch, "direct")
    assert_cut(watch, "a", "b")
    recorder.keep("swift-lighttpd-restarted-under-two", watch)


async def test_a_terminal_is_closed(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The ssh -D that a till goes through ends with its terminal; a session past it, to the same broker, is well."""
    tunnel = await asyncio.to_thread(start, SshTunnel, broker.stomp_port, way="-D")
    proxy = f"socks5://{LOOPBACK}:{tunnel.port}"

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "far", command="SEND", count=3)
        await asyncio.to_thread(tunnel.kill_client, signal.SIGHUP)

    tables = {
        "near": stomp(broker.stomp_port, "2100,2100", do=says(1.2, 6, "stomp-send /topic/near 1")),
        "far": stomp(broker.stomp_port, "2100,2100", proxy=proxy, do=says(0.9, 6, "stomp-send /topic/far 1")),
    }
    watch = await staged(tables, "far", strike=strike, ok=False)
    assert_cut(watch, "far")
    recorder.keep("swift-ssh-socks-near-half-killed", watch)


async def test_a_server_stands_still(start: Starter, recorder: Recorder) -> None:
    """Tornado stands still under a pager that pings it each second; one of another server is well. Direct."""
    server, other = start(Tornado), start(NodeWs)
    pager = ws(server.port, ping_interval=1.0, ping_timeout=2.2, close_timeout=1.0, do=says(1.4, 3))
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=ws(other.port, ping_interval=1.5, do=says(1.2, 9)), pager=pager)
        await seen(watch, "frame", "pager", dir="in", opcode=1, count=2)
        with frozen(server.pid):
            await looked(watch, "pager", stage="http", ok=False, patience=4)
            await leave(watch, "other", status=1)
    assert watch.the("close", "pager")["initiator"] == "local"
    recorder.keep("swift-tornado-frozen", watch)


NATS = """\
host: "{host}"
port: 4222
max_payload: 8000
max_pending: 40000
write_deadline: "800ms"
websocket {{
  host: "{host}"
  port: 8080
  no_tls: true
}}
"""
PRICES = """\
exec 3<>/dev/tcp/{host}/4222; printf 'CONNECT {{"verbose":false}}\\r\\n' >&3
for n in {{1..60}}; do printf 'PUB px 4000\\r\\n%04000d\\r\\n' "$n" >&3; sleep 0.04; done"""


async def test_a_chart_does_not_read(tmp_path: Path, recorder: Recorder) -> None:
    """A chart's machine hangs while prices pour in; nats-server calls it slow and ends it. A desk is well."""
    conf, log = tmp_path / "nats.conf", tmp_path / "nats.log"
    conf.write_text(NATS.format(host=SERVER))
    run = f"echo up; exec {program('nats-server')} -c {conf} -l {log}"
    with network("swift") as hosts:
        hosts.keep_little()
        with hosts.serving(["sh", "-c", run]):
            await asyncio.to_thread(eventually, lambda: log.exists() and "Server is ready" in log.read_text())
            connected = r'0.3 send CONNECT {"verbose":false}\r\n'
            base: Table = {"url": f"ws://{SERVER}:8080/", "no_compression": True}
            async with watching("--stdin", on=hosts.client, **POSTMORTEM) as watch:
                desk = base | {"do": [connected, *says(1.4, 12, r"send PING\r\n")]}
                await opened(watch, desk=desk, chart=base | {"do": [connected, r"0.6 send SUB px 1\r\n"]})
                await seen(watch, "frame", "desk", dir="in", opcode=2, count=3)
                await ask(watch, "freeze 4", "chart")
                await asyncio.to_thread(hosts.on_server, "bash", "-c", PRICES.format(host=SERVER))
                await looked(watch, "chart")
                await leave(watch, "desk", status=1)
    assert "Slow Consumer" in log.read_text()
    recorder.keep("swift-nats-slow-consumer", watch)


async def test_a_tab_sleeps(start: Starter, recorder: Recorder) -> None:
    """A tab that polls sleeps longer than sockjs-tornado keeps its session; by nginx. A tab that is awake stays."""
    nginx = start(Nginx, start(SockJsTornado, disconnect_delay=1.2, heartbeat_delay=2).port)
    tables = {
        "awake": sockjs(nginx.port, "websocket", do=says(1.3, 9)),
        "tab": sockjs(nginx.port, "xhr-polling", do=["0.8 send hi", "1.9 pause-polling 4", "6.4 send back"]),
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await looked(watch, "tab")
        await leave(watch, "awake", status=1)
    recorder.keep("swift-nginx-sockjs-tornado-tab-slept", watch)


async def test_a_lamp_says_goodbye(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A lamp is switched off and tells RabbitMQ so by MQTT's DISCONNECT; another one goes on to ping. Direct."""
    port, plain = free_ports(2)
    conf = (
        f"web_mqtt.tcp.ip = {LOOPBACK}",
        f"web_mqtt.tcp.port = {port}",
        f"mqtt.listeners.tcp.1 = {LOOPBACK}:{plain}",
    )
    start(RabbitMq, certificate, plugins=("rabbitmq_mqtt", "rabbitmq_web_mqtt"), conf=conf)

    def at(name: str, *do: str) -> Table:
        return ws(port, "/ws", do=[f"0.3 send-binary {connect(name, 60)}", *do]) | MQTT

    tables = {
        "hall": at("hall", *says(1.2, 6, f"send-binary {PING}")),
        "lamp": at("lamp", f"1.1 send-binary {PING}", "2.6 send-binary e000"),
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await looked(watch, "lamp")
        await leave(watch, "hall")
    assert watch.the("close", "lamp")["initiator"] == "remote"
    recorder.keep("swift-rabbitmq-mqtt-lamp-says-disconnect", watch)


async def test_trouble_is_only_spoken_of(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Monitoring: the talk is of refused connections, code 1006 and expired tokens, and all is well. By nginx."""
    async with house() as app, probing("--stdin", **POSTMORTEM) as watch:
        nginx = start(Nginx, app.port)
        alert = "stomp-send /topic/alerts ERROR db1: connection refused, rate limit exceeded"
        await opened(
            watch,
            alerts=web_stomp(broker.port, "1500,1500", subscribe=["/topic/alerts"], do=says(1.3, 5, alert)),
            log=ws(nginx.port, "/?user=log", do=says(1.0, 5, 'send {"error":"token expired","code":1006}')),
            ops=ws(app.port, "/?user=ops", do=says(1.7, 5, "send 503 Service Unavailable, server shutting down")),
        )
        await seen(watch, "stomp", "alerts", command="MESSAGE", count=3)
        await leave(watch, "alerts", "log", "ops", status=0)
    recorder.keep("swift-none-words-of-trouble", watch)


async def test_four_protocols(start: Starter, recorder: Recorder) -> None:
    """SockJS that streams, NATS, Socket.IO and Vert.x's STOMP, for some seconds, each at its own pace."""
    vertx, nats = start(Vertx), start(Nats)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            chat=sockjs(start(SockJsNode, heartbeat_delay=1500).port, "xhr-streaming", do=says(1.4, 4)),
            lamp=ws(nats.port, do=[f"0.3 send {hello()}", *says(1.6, 6, r"send PING\r\n")]),
            game=ws(start(SocketIo).port, SOCKET_IO, do=["0.3 send 40", "2.1 send 42[1]"]),
            till={"url": vertx.stomp_ws_url, "heart_beat": "2000,2000"},
        )
        await seen(watch, "stomp", "till", command="beat", dir="in", count=3)
        await leave(watch, "chat", "lamp", "game", "till", status=0)
    recorder.keep("swift-none-four-protocols", watch)


async def test_naps(start: Starter, recorder: Recorder) -> None:
    """A server's loop stands still for a second, a client sleeps for one and a half, and both go on where they were."""
    daphne, gorilla = start(Daphne), start(Gorilla)
    async with probing("--stdin", **POSTMORTEM) as watch:
        pings: Table = {"ping_interval": 1.3, "ping_timeout": 4.0}
        await opened(
            watch,
            page=ws(daphne.port, do=["0.9 send hi", "2.0 send block 1", "2.2 send still there?"]) | pings,
            tablet=ws(gorilla.port, "/ws", do=["0.8 send on", "1.9 freeze 1.5", "4.2 send back"]),
        )
        await seen(watch, "frame", "tablet", dir="in", opcode=1, text="back")
        await seen(watch, "frame", "page", dir="in", opcode=1, text="still there?")
        await leave(watch, "page", "tablet", status=0)
    recorder.keep("swift-none-naps-on-both-sides", watch)
