"""Doors nobody gets through on the road: ports, names, proxies, walls, and programs that do not answer."""

import asyncio

import pytest

from tests.probing import open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.asgi_hosts import Hypercorn
from tests.servers.between import direct, opened, refused, says, stomp, ws
from tests.servers.caddy import Caddy
from tests.servers.forward import Login, Socks
from tests.servers.frameworks import Aiohttp
from tests.servers.frozen import frozen
from tests.servers.joined import CREW, GUEST
from tests.servers.lines import leave, over
from tests.servers.looks import looked
from tests.servers.nats import Nats
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import TALK, ashore, names
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

HELLO = 'send CONNECT {"verbose":false,"user":"anna","pass":"crew"}\\r\\nPING\\r\\n'
"""What a client of NATS begins with."""


async def test_nats_has_two_ports(start: Starter, recorder: Recorder) -> None:
    """4222 instead of the one of its WebSockets; NATS greets whoever comes. The twin is a client of the right one."""
    nats = start(Nats)
    watch = await refused({"board": ws(nats.tcp_port, open_timeout=6.4)}, till=ws(nats.port, do=[f"0.7 {HELLO}"]))
    recorder.keep("road-port-ws-to-nats", watch)


async def test_socks_wants_a_login(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """A SOCKS proxy on the jump host: whose address has a login in it is let through, the other's was forgotten."""
    proxy = start(Socks, Login("anna", "crew"))
    way = {"proxy": f"socks5://anna:crew@{LOOPBACK}:{proxy.port}", "do": says(1.1, 3, TALK)}
    watch = await refused(
        {"bare": stomp(activemq.port, "4400,4400", CREW) | {"proxy": f"socks5://{LOOPBACK}:{proxy.port}"}},
        known=stomp(activemq.port, "2900,2400", CREW) | way,
    )
    recorder.keep("road-proxy-socks-no-login", watch)


async def test_firewalld_is_switched_on(start: Starter, recorder: Recorder) -> None:
    """The server's own firewall lets who is in stay, and answers newcomers: host prohibited. Linux: no route to it."""
    with routed() as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        port = ashore(hosts, start, SockJsNode, heartbeat_delay=2600)
        table = {"url": f"http://{SERVER}:{port}/echo", "sockjs_transport": "websocket"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, first=table | {"do": says(1.6, 12, "send tick")})
            hosts.server.wall("ct state new reject with icmp type host-prohibited", "input")
            await open_session(watch, name="second", open_timeout=7.7, **table)
            await over(watch, "second")
            await seen(watch, "frame", "first", opcode=1, dir="in", count=3)
            await leave(watch, "first", status=3)
    assert watch.the("end", "second")["how"] == "unreachable"
    recorder.keep("road-unreachable-firewalld-sockjs", watch)


async def test_caddy_waits_for_ever(start: Starter, recorder: Recorder) -> None:
    """aiohttp stands still behind it, and our upgrade is not answered; Hypercorn next to it is well."""
    server, other = start(Aiohttp), start(Hypercorn)
    caddy = start(Caddy, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=ws(other.port, "/live", do=says(1.6, 12, "send tick")))
        with frozen(server.pid):
            await open_session(watch, name="orders", **ws(caddy.port, "/orders", open_timeout=3.7))
            await looked(watch, "orders", stage="http", patience=6)
        assert not watch.of("close", "other")
        assert await watch.finish() == 3
    assert (watch.the("end", "orders")["how"], watch.the("end", "orders")["phase"]) == ("timeout", "http")
    recorder.keep("road-handshake-caddy-aiohttp-frozen", watch)


async def test_a_name_of_the_containers(recorder: Recorder) -> None:
    """``rabbitmq`` is known inside of the compose file's network; on the developer's machine nobody knows it."""
    with routed() as hosts:
        names(hosts, "timeout:2 attempts:2", mq__ground__example=SERVER)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            table = {"heart_beat": "10000,10000", "open_timeout": 9.4} | GUEST
            await open_session(watch, name="A", url="stomp+ws://rabbitmq:15674/ws", **table)
            await over(watch, "A")
            await leave(watch, status=3)
    assert watch.the("end", "A")["how"] == "dns"
    recorder.keep("road-dns-compose-name-alone", watch)


async def test_the_old_broker_was_switched_off(broker: RabbitMq, own_activemq: ActiveMq, recorder: Recorder) -> None:
    """ActiveMQ was stopped after the move to RabbitMQ: one program was forgotten, and still goes to the old one."""
    await asyncio.to_thread(own_activemq.stop)
    watch = await refused(
        {"forgotten": stomp(own_activemq.port, "3400,3400", CREW, open_timeout=8.2)},
        moved=direct(broker, "2600,2100") | {"do": says(0.9, 3, TALK)},
        after=1.4,
        before=1.1,
    )
    assert watch.the("end", "forgotten")["how"] == "refused"
    recorder.keep("road-refused-activemq-switched-off", watch)


async def test_the_way_back_is_another(start: Starter, recorder: Recorder) -> None:
    """What comes from one of the server's addresses takes a way whose firewall knows nothing of us, and is lost."""
    with routed() as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        port = ashore(hosts, start, Hypercorn)
        hosts.router.wall(f"ip saddr {OTHER} drop")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, one={"url": f"ws://{SERVER}:{port}/live", "do": says(1.3, 8, "send tick")})
            await open_session(watch, name="two", url=f"ws://{OTHER}:{port}/live", open_timeout=4.7)
            await over(watch, "two")
            await leave(watch, "one", status=3)
    assert (watch.the("end", "two")["how"], watch.the("end", "two")["phase"]) == ("timeout", "tcp")
    recorder.keep("road-connect-timeout-other-way-back", watch)
