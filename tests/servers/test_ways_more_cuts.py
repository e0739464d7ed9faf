"""More of what the way does to sessions: most of them are alone, with nothing to be compared with."""

import asyncio

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.asgi_hosts import Daphne, Hypercorn
from tests.servers.between import direct, opened, says, stomp
from tests.servers.lines import DEFAULT_RETRIES, beaten, echoed, leave, over, within
from tests.servers.looks import looked
from tests.servers.node import SockJsNode
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import TALK, ashore
from tests.servers.test_wire_weather import lose, lose_no_more
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_photographs_on_a_narrow_line(start: Starter, recorder: Recorder) -> None:
    """sockjs-node asks for a pong every 2.4 s; ours stands in the line behind what we upload."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        port = ashore(hosts, start, SockJsNode, heartbeat_delay=2400)
        rate = ("rate", "100kbit", "burst", "3000", "limit", "900000")
        hosts.client.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *rate)
        table = {"url": f"http://{SERVER}:{port}/echo", "sockjs_transport": "websocket", "no_compression": True}
        table |= {"do": ["0.7 send tick", *(f"{1.9 + n * 0.3:.1f} send-repeat x 30000" for n in range(4))]}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, A=table)
            await within(watch, 40, "close", "A")
            await over(watch, "A")
            await leave(watch, status=1)
    recorder.keep("ways-narrow-up-sockjs-alone", watch)


async def test_aeroplane_mode(start: Starter, recorder: Recorder) -> None:
    """STOMP over an XHR stream: nothing tells the stream, but our next beat finds no way out."""
    with routed() as hosts:
        hosts.be_patient(4)
        port = ashore(hosts, start, Spring, heart_beat="2100,2100", sockjs_heart_beat=3000)
        table = {"url": f"stomp+http://{SERVER}:{port}/sockjs", "sockjs_transport": "xhr-streaming"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, A=table | {"heart_beat": "2100,2100", "do": says(1.3, 4, TALK)})
            await beaten(watch, 2, "A")
            hosts.client.ip("link", "set", "eth0", "down")
            await within(watch, 30, "close", "A")
            await over(watch, "A")
            await leave(watch, status=1)
    recorder.keep("ways-local-aeroplane-stream-alone", watch)


async def test_a_long_message_never_arrives(start: Starter, recorder: Recorder) -> None:
    """Daphne pings and is answered, short messages come back; then one that is longer than the way takes."""
    with routed() as hosts:
        hosts.be_patient(4)
        port = ashore(hosts, start, Daphne, "--ping-interval", "2", "--ping-timeout", "30")
        hosts.router.wall(f"ip daddr {SERVER} meta length > 1280 drop")
        table = {"url": f"ws://{SERVER}:{port}/live", "no_compression": True}
        table |= {"do": ["0.8 send tick", "1.7 send-repeat x 900", "3.3 send-repeat x 2600"]}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, A=table)
            await echoed(watch, 2, "A")
            await within(watch, 30, "close", "A")
            await over(watch, "A")
            await leave(watch, status=1)
    recorder.keep("ways-mtu-daphne-alone", watch)


async def test_all_of_the_way_goes_dark(start: Starter, recorder: Recorder) -> None:
    """A busy session with Hypercorn, alone; we ask for pongs, and wait for 3.1 s."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        port = ashore(hosts, start, Hypercorn)
        table = {"url": f"ws://{SERVER}:{port}/live", "ping_interval": 2.2, "ping_timeout": 3.1, "close_timeout": 1.7}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, A=table | {"do": says(1.7, 20, "send tick")})
            await echoed(watch, 2, "A")
            hosts.router.wall("drop")
            await within(watch, 30, "close", "A")
            await over(watch, "A")
            await leave(watch, status=1)
    close = watch.the("close", "A")
    assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    recorder.keep("ways-blackhole-hypercorn-alone", watch)


async def test_a_bad_line_to_sockjs(start: Starter, recorder: Recorder) -> None:
    """Seven packets of ten are lost for eleven seconds: sockjs-node misses a pong and says so when it can."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        port = ashore(hosts, start, SockJsNode, heartbeat_delay=1700)
        table = {"url": f"http://{SERVER}:{port}/echo", "sockjs_transport": "websocket"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, A=table | {"do": says(1.1, 30, "send tick")})
            await echoed(watch, 2, "A")
            lose(hosts, 70, SERVER)
            await asyncio.sleep(11.3)
            lose_no_more(hosts)
            await within(watch, 30, "close", "A")
            await over(watch, "A")
            await leave(watch, status=1)
    recorder.keep("ways-loss-sockjs-alone", watch)


async def test_a_firewall_resets_upgrades(start: Starter, recorder: Recorder) -> None:
    """The company's does so to whoever asks for a WebSocket; polling with the same sockjs-node is let pass."""
    with routed() as hosts:
        port = ashore(hosts, start, SockJsNode, heartbeat_delay=2700)
        hosts.weather(word="Upgrade: websocket")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            polls = {"url": f"http://{SERVER}:{port}/echo", "sockjs_transport": "xhr-polling"}
            await opened(watch, polls=polls | {"do": says(1.2, 7, "send tick")})
            await open_session(watch, name="raw", url=f"ws://{SERVER}:{port}/echo/websocket", open_timeout=6.1)
            await over(watch, "raw")
            await leave(watch, "polls")
    assert watch.the("end", "raw")["how"] == "reset"
    recorder.keep("ways-reset-upgrade-filtered", watch)


async def test_the_tunnel_is_made_again(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """``ssh -L`` to RabbitMQ is killed and started again by its script: a newcomer goes through it, one goes past."""
    tunnel = await asyncio.to_thread(start, SshTunnel, broker.stomp_port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            past=direct(broker, "2100,1700"),
            through=stomp(tunnel.port, "2600,2200", do=says(0.9, 9, TALK)),
        )
        await beaten(watch, 1, "through", "past")
        tunnel.kill_client()
        await looked(watch, "through", ok=False)
        await asyncio.to_thread(tunnel.begin_client)
        await opened(watch, again=stomp(tunnel.port, "2600,2200"))
        assert (await ask(watch, TALK, "again"))["ok"]
        await seen(watch, "stomp", "again", command="beat", dir="in")
        assert not watch.of("close", "past")
        assert await watch.finish() == 1
    recorder.keep("ways-tunnel-ssh-rabbitmq-made-again", watch)
