"""Lines that go dark, tunnels that end, addresses that nobody answers at."""

import asyncio
import signal

import pytest

from tests.probing import ask, open_session, seen
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import Table, opened, says, sockjs, staged, stomp, web_stomp, ws
from tests.servers.frameworks import Tornado
from tests.servers.goapps import Gobwas, Melody
from tests.servers.jvm import Artemis
from tests.servers.lines import THERE, beaten, behind_nginx, echoed, elsewhere, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def one_host_goes_dark(start: Starter, recorder: Recorder) -> None:
    """What goes to one host is swallowed, orders to Artemis and quotes of melody alike; the other host is there."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(4)
        broker, server = await begun(hosts.server, start, Artemis), await begun(hosts.server, start, Melody)
        doors(hosts, broker, server)
        order = {"url": f"stomp://{SERVER}:{broker.port}", "login": "anna", "passcode": "crew"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(3.3, 60)},
                quotes={"url": f"ws://{SERVER}:{server.port}/ws", "do": says(1.9, 14, "send DAX")},
                order=order | {"heart_beat": "2500,2500"},
            )
            await echoed(watch, 2, "quotes")
            await beaten(watch, 1, "order")
            hosts.router.wall(f"ip daddr {SERVER} drop")
            for session in ("quotes", "order"):
                await within(watch, 45, "close", session)
            await over(watch, "quotes", "order", patience=6)
            await leave(watch, "third", status=1)
    assert watch.the("end", "quotes")["how"] == "timeout"
    recorder.keep("rope-blackhole-one-host-of-two", watch)


async def answers_do_not_come(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A route back is lost: what a camera says arrives and no answer does; its ping gives up. Over TLS, by nginx."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(9)
        server = await begun(hosts.server, start, Gobwas)
        _, url = behind_nginx(hosts, start, certificate, server.port)
        cam: Table = {"url": f"{url}ws", "ping_interval": 2.4, "ping_timeout": 6.5} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(2.9, 40)}, cam=cam | {"do": says(1.7, 9, "send shot")})
            await echoed(watch, 3, "cam")
            hosts.router.wall(f"ip saddr {SERVER} drop")
            await within(watch, 30, "close", "cam")
            await over(watch, "cam", patience=6)
            await leave(watch, "third", status=1)
    recorder.keep("rope-blackhole-answers-do-not-come-wss", watch)


async def a_port_is_not_let_through(start: Starter, recorder: Recorder) -> None:
    """The cloud's rules know the broker's plain port and not the one with TLS: nothing comes back from there."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, CoilMq)
        doors(hosts, broker)
        hosts.router.wall("tcp dport 61614 drop")
        plain: Table = {"url": f"stomp://{SERVER}:{broker.port}", "vhost": "localhost", "heart_beat": "0,0"}
        plain |= {"login": "ground", "passcode": "crew", "do": says(1.8, 12, "stomp-send /queue/a 1")}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, plain=plain)
            await open_session(watch, name="secure", url=f"stomps://{SERVER}:61614", open_timeout=5.5)
            await within(watch, 20, "close", "secure")
            await over(watch, "secure", patience=6)
            await leave(watch, "plain", status=3)
    assert watch.the("end", "secure")["phase"] == "tcp"
    recorder.keep("rope-connect-timeout-tls-port-not-let-through", watch)


async def it_has_moved(start: Starter, recorder: Recorder) -> None:
    """The application has another address since the weekend; at the old one is nobody, and nobody says so."""
    with routed() as hosts:
        server = await begun(hosts.server, start, SockJsNode, heartbeat_delay=2600)
        doors(hosts, server)
        hosts.router.wall(f"ip daddr {OTHER} drop")
        new = sockjs(server.port, "xhr-streaming", url=f"http://{SERVER}:{server.port}/echo", do=says(1.6, 9))
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, new=new)
            await open_session(watch, name="old", url=f"http://{OTHER}:{server.port}/echo", open_timeout=4.2)
            await within(watch, 20, "close", "old")
            await over(watch, "old", patience=6)
            await leave(watch, "new", status=3)
    assert watch.the("end", "old")["phase"] == "tcp"
    recorder.keep("rope-connect-timeout-old-address-after-a-move", watch)


async def test_lines(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Four machines at a time; most of the time is spent waiting."""
    runs = (one_host_goes_dark, a_port_is_not_let_through, it_has_moved)
    sealed = answers_do_not_come(start, certificate, recorder)
    await side_by_side((*(run(start, recorder) for run in runs), sealed))


async def test_a_terminal_hangs_up(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """ssh in a terminal leads to RabbitMQ's WebSocket, and the terminal's window is closed; one needs no tunnel."""
    ssh = start(SshTunnel, broker.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "till", command="SEND", dir="out", count=3)
        await asyncio.to_thread(ssh.kill_client, signal.SIGHUP)

    tables = {
        "office": stomp(broker.stomp_port, "2200,2200"),
        "board": web_stomp(ssh.port, "2200,2200", subscribe=["/topic/sales"]),
        "till": web_stomp(ssh.port, "2200,2200", do=says(1.0, 4, "stomp-send /topic/sales 9.99")),
    }
    watch = await staged(tables, "board", "till", strike=strike, ok=False)
    recorder.keep("rope-ssh-terminal-hangs-up-under-broker", watch)


async def test_the_far_half_ends(start: Starter, recorder: Recorder) -> None:
    """sshd ends the process that is a SOCKS proxy's far half; a SockJS stream and a chat went through it."""
    server, app = start(SockJsNode, heartbeat_delay=1900), start(Tornado)
    ssh = start(SshTunnel, server.port, way="-D")
    proxy: Table = {"proxy": f"socks5://{LOOPBACK}:{ssh.port}"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "chat", dir="in", opcode=1, count=4)
        await ask(watch, "mark before", "chat")
        await asyncio.to_thread(ssh.signal_far_half, signal.SIGTERM)

    tables = {
        "direct": ws(app.port, do=says(1.3, 6)),
        "feed": sockjs(server.port, "xhr-streaming") | proxy,
        "chat": ws(app.port, do=says(0.6, 4)) | proxy,
    }
    watch = await staged(tables, "feed", "chat", strike=strike, ok=False)
    recorder.keep("rope-ssh-socks-far-half-ends", watch)
