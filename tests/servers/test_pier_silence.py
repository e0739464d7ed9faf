"""Who says too little, reads too late or hears nothing any more, and a relay whose broker is not there."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.ashore import begun, doors
from tests.servers.between import Table, opened, says, staged, stomp, ws
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.goapps import Gobwas
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.jvm import Artemis, Netty, Tomcat, Undertow, Vertx
from tests.servers.lines import THERE, beaten, echoed, elsewhere, leave, open_doors, over, within
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.traefik import Traefik
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_board_only_listens(start: Starter, recorder: Recorder) -> None:
    """Netty ends who has said nothing for three seconds, whatever it was told meanwhile; a talker stays."""
    app = start(Netty, reader=3000)
    tables = {
        "talker": ws(app.port, "/live?user=talker", do=says(1.1, 9)),
        "board": ws(app.port, "/live?user=board", do=["0.9 send clock 700 20"]),
    }
    watch = await staged(tables, "board")
    assert len(watch.of("frame", "board", dir="in", opcode=1)) >= 3
    recorder.keep("pier-netty-listens-only-idle", watch)


async def test_two_are_silent(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """gobwas has a read deadline of 2.6 s, and two of three have stopped talking at different times. By Caddy."""
    app = start(Gobwas, Idle=2.6)
    caddy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")
    table: Table = {"url": f"wss://localhost:{caddy.port}/ws", "cacert": str(certificate.ca)}
    tables = {
        "bert": table | {"do": says(1.0, 9)},
        "anna": table | {"do": says(0.7, 2)},
        "cleo": table | {"do": ["0.5 send hello", "2.8 send still here"]},
    }
    watch = await staged(tables, "anna", "cleo")
    recorder.keep("pier-caddy-gobwas-idle-two", watch)


async def test_a_tab_is_throttled(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Its browser lets its timers wait, and no beats of it come to Vert.x; another tab is in front. By Envoy."""
    app = start(Vertx)
    envoy = start(Envoy, app.port, certificate=certificate)
    table: Table = {"url": f"stomp+wss://localhost:{envoy.port}/stomp", "cacert": str(certificate.ca)}
    table |= {"heart_beat": "1000,1000"}

    async def strike(watch: Watch) -> None:
        await beaten(watch, 2, "tab")
        await ask(watch, "hold-beats", "tab")

    watch = await staged({"front": table, "tab": table}, "tab", strike=strike)
    recorder.keep("pier-envoy-vertx-beats-held", watch)


async def test_a_clerk_does_not_beat(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """A program that computes for long sends no beats to ActiveMQ, though it reads; Traefik passes bytes."""
    traefik = start(Traefik, activemq.port, tcp=True)

    async def strike(watch: Watch) -> None:
        await beaten(watch, 2, "clerk")
        await ask(watch, "hold-beats", "clerk")

    tables = {
        "other": stomp(traefik.port, "1300,1300", CREW),
        "clerk": stomp(traefik.port, "1300,900", CREW, do=["0.6 stomp-send /queue/books one"]),
    }
    watch = await staged(tables, "clerk", strike=strike)
    recorder.keep("pier-traefik-activemq-beats-held", watch)


async def test_a_wall_reads_late(start: Starter, recorder: Recorder) -> None:
    """Tomcat waits 1.3 s for a send to a screen that does not read; a desk is told as much and reads."""
    app = start(Tomcat, send=1300, kernel=8192)

    async def strike(watch: Watch) -> None:
        await ask(watch, "send flood desk 3 9000", "desk")
        await seen(watch, "frame", "desk", dir="in", opcode=1, count=3)
        await ask(watch, "freeze 5.5", "wall")
        await ask(watch, "send flood wall 900 9000", "desk")

    tables = {
        "desk": ws(app.port, "/live?user=desk", no_compression=True),
        "wall": ws(app.port, "/live?user=wall", no_compression=True, do=["0.2 send hello"]),
    }
    watch = await staged(tables, "wall", strike=strike)
    recorder.keep("pier-tomcat-wall-reads-late", watch)


async def test_a_ticker_aborts_a_reader(recorder: Recorder) -> None:
    """A program has 1.2 s to bring its prices to a client and aborts whoever takes longer; another one keeps up."""

    async def ticker(_: str, client: ServerConnection, message: str | bytes) -> None:
        try:
            async with asyncio.timeout(1.2):
                for number in range(int(str(message).split()[1])):
                    await client.send(f"{number} " + "quote " * 1100)
        except TimeoutError:
            client.transport.abort()

    async with AsyncExitStack() as stack:
        hosts = stack.enter_context(routed())
        for host in (hosts.client, hosts.server):
            host.set(net__ipv4__tcp_rmem="4096 16384 16384", net__ipv4__tcp_wmem="4096 16384 16384")
        with hosts.server.inside():
            app = await stack.enter_async_context(house(ticker, ping_interval=None, write_limit=4096))
        open_doors(hosts.server, app.port)
        watch = await stack.enter_async_context(watching("--stdin", on=hosts.client.words, **POSTMORTEM))
        for name in ("keeps", "slow"):
            await opened(watch, **{name: {"url": f"ws://{SERVER}:{app.port}/?user={name}", "no_compression": True}})
            await ask(watch, "send quotes 2", name)
            await seen(watch, "frame", name, opcode=1, dir="in", count=2)
        await ask(watch, "send quotes 50", "slow")
        await ask(watch, "freeze 2.7", "slow")
        await looked(watch, "slow")
        await ask(watch, "send quotes 1", "keeps")
        await seen(watch, "frame", "keeps", opcode=1, dir="in", count=3)
        await leave(watch, "keeps", status=1)
    recorder.keep("pier-python-ticker-aborts-reader", watch)


async def test_a_way_goes_dark(start: Starter, recorder: Recorder) -> None:
    """A router drops all that goes to one host, in the middle of talk and beats; a third host is reached well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(4)
        chat, desk = await begun(hosts.server, start, Undertow), await begun(hosts.server, start, Vertx)
        doors(hosts, chat, desk)
        tables: dict[str, Table] = {
            "third": {"url": THERE, "do": says(2.1, 30)},
            "chat": {"url": f"ws://{SERVER}:{chat.port}/live?user=chat", "do": says(0.9, 20)},
            "desk": {"url": f"stomp+ws://{SERVER}:{desk.port}/stomp", "heart_beat": "1000,1000"},
        }
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, **tables)
            await beaten(watch, 2, "desk")
            await echoed(watch, 1, "chat")
            hosts.router.wall(f"ip daddr {SERVER} drop")
            hosts.router.wall(f"ip saddr {SERVER} drop")
            for name in ("desk", "chat"):
                await within(watch, 40, "close", name)
            await over(watch, "desk", "chat")
            await leave(watch, "third", status=1)
    recorder.keep("pier-way-dark-undertow-and-vertx", watch)


async def test_a_relays_broker_is_killed(start: Starter, recorder: Recorder) -> None:
    """Artemis, to which Spring relays, is gone at once: a desk and a board are told, a session elsewhere is not."""
    broker, other = start(Artemis), start(NodeWs)
    spring = start(Spring, relay=broker.port, relay_system="anna:crew", relay_client="anna:crew", inbound_threads=1)

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "desk", command="SEND", dir="out", count=3)
        await beaten(watch, 1, "board")
        broker.end()

    base: Table = {"url": spring.sockjs_url, "heart_beat": "1700,1700"}
    tables = {
        "other": ws(other.port, do=says(1.0, 7)),
        "desk": base | {"sockjs_transport": "websocket", "do": says(0.8, 7, "stomp-send /topic/orders 8")},
        "board": base | {"sockjs_transport": "xhr-streaming", "subscribe": ["/topic/orders"]},
    }
    watch = await staged(tables, "desk", "board", strike=strike)
    recorder.keep("pier-relay-artemis-killed", watch)


async def test_a_relay_is_up_before_its_broker(start: Starter, recorder: Recorder) -> None:
    """After a power cut the application is there, its broker is not yet; a first page comes. By Caddy."""
    (nobody,) = free_ports(1)
    spring, other = start(Spring, relay=nobody), start(NodeWs)
    caddy = start(Caddy, spring.port)
    early: Table = {"url": f"stomp+ws://{LOOPBACK}:{caddy.port}/ws", "heart_beat": "3000,3000", "open_timeout": 5}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, elsewhere=ws(other.port, do=says(1.0, 4)))
        await seen(watch, "frame", "elsewhere", dir="in", opcode=1)
        await open_session(watch, name="early", **early)
        await looked(watch, "early")
        await asyncio.sleep(1.1)
        await leave(watch, "elsewhere")
    assert watch.the("close", "early")["initiator"] == "remote"
    recorder.keep("pier-relay-before-its-broker", watch)
