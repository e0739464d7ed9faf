"""Doors in the field that nobody gets through: names, ports, dead programs, full queues, ways and proxies; together."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import opened, refused, says, stomp, ws
from tests.servers.forward import ApacheConnect, Dante
from tests.servers.frameworks import Sanic, Tornado
from tests.servers.goapps import Gobwas, Melody
from tests.servers.joined import CREW
from tests.servers.lines import echoed, leave, over, within
from tests.servers.looks import looked
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq, SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.routed import FAR, SERVER, SERVER6, routed
from tests.servers.starting import Starter
from tests.servers.test_doors import name_server
from tests.servers.test_wire_doors import names
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

OFF = "10.78.2.99"
"""An address of the server's own network that nobody has."""


async def the_vpn_is_off(start: Starter, recorder: Recorder) -> None:
    """Names of the intranet are nobody's outside of it: a broker's and an application's. The public one is known."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Melody)
        doors(hosts, server)
        names(hosts, "timeout:2 attempts:2", www__ground__example=SERVER)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            url = f"ws://www.ground.example:{server.port}/ws"
            await opened(watch, public={"url": url, "do": says(1.2, 7, "send tick")})
            await open_session(watch, name="mq", url="stomps://mq.intra.ground.example:61614")
            await open_session(watch, name="app", url="wss://app.intra.ground.example/live")
            await over(watch, "mq", "app", patience=2)
            await echoed(watch, 1, "public")
            await leave(watch, "public", status=3)
    assert {watch.the("end", name)["how"] for name in ("mq", "app")} == {"dns"}
    recorder.keep("field-dns-vpn-is-off", watch)


async def the_routers_resolver_dies(start: Starter, recorder: Recorder) -> None:
    """dnsmasq on the router is killed: who is in talks on, who comes by the same name is told to try again."""
    with routed() as hosts:
        server = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=3)
        doors(hosts, server)
        await asyncio.to_thread(name_server, hosts, f"--address=/live.ground.example/{SERVER}", at_router=True)
        url = f"http://live.ground.example:{server.port}/echo"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            table = {"url": url, "sockjs_transport": "websocket"}
            await opened(watch, first=table | {"do": says(1.5, 9, "send tick")})
            hosts.router.run("sh", "-c", f"for p in $(ip netns pids {hosts.router.name}); do "
                             "grep -q dnsmasq /proc/$p/comm && kill -9 $p; done; true")  # fmt: skip
            await open_session(watch, name="second", **table)
            await open_session(watch, name="third", **table | {"sockjs_transport": "xhr-polling"})
            await over(watch, "second", "third", patience=2)
            await seen(watch, "sockjs", "first", kind="h")
            await leave(watch, "first", status=3)
    assert {watch.the("end", name)["how"] for name in ("second", "third")} == {"dns"}
    recorder.keep("field-dns-resolver-died", watch)


async def the_program_panics(start: Starter, recorder: Recorder) -> None:
    """A message kills the Go program for both who are in, far away; a newcomer is refused. Sanic next to it is well."""
    with routed() as hosts:
        hosts.weather(delay=0.04, jitter=0.02)
        victim, well = await begun(hosts.server, start, Gobwas), await begun(hosts.server, start, Sanic)
        doors(hosts, victim, well)
        url = f"ws://{SERVER}:{victim.port}/ws"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                other={"url": f"ws://{SERVER}:{well.port}/", "do": says(1.9, 12, "send tick")},
                idle={"url": url},
                busy={"url": url, "do": says(0.8, 2, "send tick")},
            )
            await seen(watch, "frame", "busy", dir="in", opcode=1, count=2)
            assert (await ask(watch, "send panic", "busy"))["ok"]
            await over(watch, "idle", "busy")
            await open_session(watch, name="late", url=url)
            await over(watch, "late", patience=2)
            await leave(watch, "other", status=1)
    assert watch.the("end", "late")["how"] == "refused"
    recorder.keep("field-crash-gobwas-panic", watch)


async def it_is_killed_in_the_night(start: Starter, recorder: Recorder) -> None:
    """SIGKILL, as by the kernel that has no memory left: a stream of sockjs-tornado, alone, in its silence."""
    with routed() as hosts:
        server = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=2)
        doors(hosts, server)
        url = f"http://{SERVER}:{server.port}/echo"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, A={"url": url, "sockjs_transport": "xhr-streaming", "do": says(1.3, 3, "send tick")})
            await seen(watch, "sockjs", "A", dir="in", kind="a", count=2)
            await asyncio.sleep(2.2)
            os.kill(server.pid, signal.SIGKILL)
            await over(watch, "A")
            await leave(watch, status=1)
    recorder.keep("field-crash-sockjs-tornado-alone", watch)


async def the_port_was_left_out(start: Starter, recorder: Recorder) -> None:
    """``ws://host/`` goes to 80, where nobody listens; the colleague has the port in the address."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Tornado)
        doors(hosts, server)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            url = f"ws://{SERVER}:{server.port}/"
            await opened(watch, colleague={"url": url, "do": says(1.4, 5, "send tick")})
            await open_session(watch, name="new", url=f"ws://{SERVER}/")
            await over(watch, "new", patience=2)
            await echoed(watch, 1, "colleague")
            await leave(watch, "colleague", status=3)
    assert watch.the("end", "new")["how"] == "refused"
    recorder.keep("field-refused-port-left-out", watch)


async def its_queue_is_full(start: Starter, recorder: Recorder) -> None:
    """Tornado stands still, and its kernel takes nobody more; who was in waits for pongs. Sanic is well."""
    with routed() as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        hosts.server.set(net__core__somaxconn=1)
        stuck, well = await begun(hosts.server, start, Tornado), await begun(hosts.server, start, Sanic)
        doors(hosts, stuck, well)
        url = f"ws://{SERVER}:{stuck.port}/"
        pings = {"ping_interval": 2.1, "ping_timeout": 6.4, "close_timeout": 1.1}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                other={"url": f"ws://{SERVER}:{well.port}/", "do": says(2.6, 20, "send tick")},
                early={"url": url, "do": ["0.5 send tick", "1.2 send tick"]} | pings,
            )
            await seen(watch, "frame", "early", dir="in", opcode=1, count=2)
            os.kill(stuck.pid, signal.SIGSTOP)
            hosts.start("python3", "-c", _crowd(stuck.port))
            await open_session(watch, name="late", url=url, open_timeout=5.7)
            await within(watch, 25, "close", "late")
            await within(watch, 25, "close", "early")
            await over(watch, "early", "late")
            await leave(watch, "other", status=1)
            os.kill(stuck.pid, signal.SIGCONT)
    assert (watch.the("end", "late")["how"], watch.the("end", "late")["phase"]) == ("timeout", "tcp")
    recorder.keep("field-timeout-queue-full-tornado", watch)


def _crowd(port: int) -> str:
    """A program that fills a queue of connections and keeps them."""
    connect = f"s.setblocking(False); s.connect_ex(('{LOOPBACK}', {port}))"
    lines = ("import socket, time", "all = [socket.socket() for _ in range(6)]", f"for s in all: {connect}")
    return "\n".join((*lines, "time.sleep(0.3)", "print('up', flush=True)", "time.sleep(60)"))


async def the_office_is_not_reached_from_home(recorder: Recorder) -> None:
    """An address of the office without its VPN: the provider swallows it, a broker's port and a page's alike."""
    with routed() as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        hosts.router.ip("route", "add", "blackhole", "10.20.0.0/16")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await open_session(watch, name="mq", url="stomp+wss://10.20.3.4:15674/ws", open_timeout=4.4)
            await open_session(watch, name="page", url="https://10.20.3.4/echo", open_timeout=5.8)
            await over(watch, "mq", "page")
            await leave(watch, status=3)
    assert {watch.the("end", name)["how"] for name in ("mq", "page")} == {"timeout"}
    recorder.keep("field-timeout-office-from-home", watch)


async def the_host_is_being_moved(start: Starter, recorder: Recorder) -> None:
    """It is off, and the router in front of it says so, a few seconds later; the host next to it is well."""
    with routed() as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        server = await begun(hosts.server, start, Melody)
        doors(hosts, server)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            url = f"ws://{FAR}:{server.port}/ws"
            await opened(watch, next={"url": url, "do": says(1.8, 15, "send tick")})
            await open_session(watch, name="stream", url=f"http://{OFF}:8080/echo", sockjs_transport="xhr-streaming")
            await open_session(watch, name="mq", url=f"stomp://{OFF}:61613")
            await over(watch, "stream", "mq")
            await echoed(watch, 1, "next")
            await leave(watch, "next", status=3)
    assert {watch.the("end", name)["how"] for name in ("stream", "mq")} == {"unreachable"}
    recorder.keep("field-unreachable-host-off", watch)


async def there_is_no_ipv6_here(recorder: Recorder) -> None:
    """The new server has an address of IPv6 alone, and this network has none: no route. Nobody else is there."""
    with routed() as hosts:
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await open_session(watch, name="A", url=f"wss://[{SERVER6}]/live")
            await over(watch, "A", patience=2)
            await leave(watch, status=3)
    assert watch.the("end", "A")["how"] == "unreachable"
    recorder.keep("field-unreachable-no-ipv6-alone", watch)


async def test_names_and_programs_and_ways(start: Starter, recorder: Recorder) -> None:
    """Eight doors at a time; most of the time is spent waiting."""
    runs = (the_vpn_is_off, the_routers_resolver_dies, the_program_panics)
    more = (the_port_was_left_out, its_queue_is_full, the_host_is_being_moved)
    others = (the_office_is_not_reached_from_home(recorder), there_is_no_ipv6_here(recorder))
    await side_by_side((*(run(start, recorder) for run in (*runs, *more)), *others))


async def test_in_the_night(start: Starter, recorder: Recorder) -> None:
    """One stream whose server is killed."""
    await it_is_killed_in_the_night(start, recorder)


async def test_dante_does_not_know_us(start: Starter, recorder: Recorder) -> None:
    """SOCKS with a login that Dante does not take, for a chat and a poll; a third session goes past it."""
    server, poll = start(Gobwas), start(SockJsTornado)
    dante = start(Dante, method="username")
    proxy = f"socks5h://anna:old@{LOOPBACK}:{dante.port}"
    watch = await refused(
        {
            "chat": ws(server.port, "/ws", proxy=proxy),
            "poll": {"url": poll.url, "sockjs_transport": "xhr-polling", "proxy": proxy},
        },
        past=ws(server.port, "/ws", do=says(0.9, 3, "send tick")),
        after=0.8,
    )
    assert {watch.of("end", name)[0]["how"] for name in ("chat", "poll")} == {"proxy"}
    recorder.keep("field-proxy-auth-dante", watch)


async def test_apache_wants_to_know_who_goes_out(start: Starter, recorder: Recorder) -> None:
    """STOMP to CoilMQ by CONNECT: one program has the new user, two have the one who left the company."""
    broker = start(CoilMq)
    proxy = start(ApacheConnect, "bert")
    table = stomp(broker.port, "0,0", CREW, vhost="localhost")
    way = f"{{}}:x@{LOOPBACK}:{proxy.port}"
    old = table | {"proxy": f"http://{way.format('anna')}"}
    new = table | {"proxy": f"http://{way.format('bert')}", "do": ["0.6 stomp-send /queue/a one"]}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, new=new)
        await open_session(watch, name="report", **old)
        await open_session(watch, name="import", **old)
        await looked(watch, "report", "import")
        assert await watch.finish() == 3
    assert {watch.of("end", name)[0]["how"] for name in ("report", "import")} == {"proxy"}
    recorder.keep("field-proxy-auth-apache-coilmq", watch)
