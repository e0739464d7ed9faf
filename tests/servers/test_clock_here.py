"""What the client's own machine does to its sessions: sockets killed, a process that stands still, a slow reader."""

import asyncio

import pytest

from tests.probing import ask, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import Table, opened, says, staged, stomp, wss
from tests.servers.child import installed
from tests.servers.classic import ActiveMqWs
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.lines import behind_nginx, echoed, leave, over, trusting
from tests.servers.looks import every, looked
from tests.servers.nginx import Certificate
from tests.servers.python import PythonWs
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_user_resets(activemq: ActiveMq, recorder: Recorder) -> None:
    """In the middle of a conversation, by a command; nobody asked the broker."""
    talk = [*says(0.9, 3, "stomp-send /queue/clock.a x"), "3.2 reset"]
    watch = await staged(
        {
            "reset": stomp(activemq.port, "1800,1800", CREW, subscribe=["/queue/clock.a"], do=talk),
        },
        "reset",
        status=0,
    )
    assert watch.the("close", "reset")["initiator"] == "local"
    recorder.keep("clock-activemq-user-resets", watch)


async def test_a_kill_switch(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Software on the client's machine kills all sockets to one address; another address of that host is spared."""
    with routed() as hosts:
        hosts.start_node()
        nginx, url = behind_nginx(hosts, start, certificate, 8080)
        names = (f"mail={url}", f"chat={url}", f"intranet=wss://{OTHER}:{nginx.port}/")
        words = (*trusting(certificate), *every(0.8, "send hello", 7, "chat"), *every(1.3, "send hi", 7, "intranet"))
        async with watching(*names, *words, "--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "open", "mail")
            await echoed(watch, 2, "intranet", "chat")
            hosts.client.run(installed("ss", "iproute2"), "-K", "-t", "state", "established", "dst", SERVER)
            await over(watch, "mail", "chat", stage="tls")
            await leave(watch, "intranet", status=1)
    for session in ("mail", "chat"):
        close = watch.the("close", session)
        assert (close["initiator"], watch.the("end", session)["errno"]) == ("local", "ECONNABORTED")
    recorder.keep("clock-wss-kill-switch-on-this-machine", watch)


async def test_a_lid_is_closed_for_longer_than_a_server_waits(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """python-websockets behind stunnel asks every 1.3 s; a lone session's machine sleeps for 5.6 s.

    Its user wants no look after a drop.
    """
    server = start(PythonWs, ping_interval=1.3, ping_timeout=1.6)
    front = start(Stunnel, server.port, certificate)
    async with probing("--stdin") as watch:
        await opened(watch, A=wss(front.port, certificate, do=says(0.9, 3)))
        await seen(watch, "frame", "A", opcode=10, dir="out", count=2)
        with frozen(watch.process.pid):
            await asyncio.sleep(5.6)
        await seen(watch, "stall")
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    assert watch.the("close")["initiator"] == "remote"
    recorder.keep("clock-stunnel-lid-closed", watch)


async def test_a_laptop_swaps_under_beats(start: Starter, recorder: Recorder) -> None:
    """ActiveMQ over WebSocket gives a client up that got no processor; Spring had agreed on no beats and does not."""
    broker, patient = start(ActiveMqWs), start(Spring, heart_beat="")
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            prices={"url": broker.url, "heart_beat": "1100,1100"} | CREW,
            orders={"url": patient.ws_url, "heart_beat": "0,0", "subscribe": ["/topic/orders"]},
        )
        await seen(watch, "stomp", "prices", command="beat", dir="out", count=2)
        with frozen(watch.process.pid):
            await asyncio.sleep(6.1)
        await seen(watch, "stall")
        await looked(watch, "prices")
        await ask(watch, "stomp-send /topic/orders back", "orders")
        await seen(watch, "stomp", "orders", command="MESSAGE")
        assert await watch.finish() == 1
    assert watch.the("close", "prices")["initiator"] == "remote"
    recorder.keep("clock-activemq-ws-no-processor", watch)


async def test_a_dashboard_that_reads_late(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Spring's buffer for it is full: HAProxy takes little for it. Its twin reads the news as they come."""
    spring = start(Spring, heart_beat="", kernel_buffer=8192, send_time_limit=60000, send_buffer_limit=300000)
    proxy = start(HaProxy, spring.port, tunnel=30, certificate=certificate)
    base: Table = {"url": f"stomp+wss://localhost:{proxy.port}/ws", "cacert": str(certificate.ca), "heart_beat": "0,0"}
    base |= {"no_compression": True}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, slow=base, well=base)
        await ask(watch, "subscribe /topic/prices", "slow")
        await ask(watch, "stomp-send /app/prices/1/20 x", "well")
        await seen(watch, "stomp", "slow", command="MESSAGE")
        await ask(watch, "freeze 4.4", "slow")
        for _ in range(8):
            await ask(watch, "stomp-send /app/prices/6/150000 x", "well")
            await asyncio.sleep(0.2)  # the fault takes its time
        await looked(watch, "slow", stage="tls")
        await ask(watch, "subscribe /topic/other", "well")
        assert await watch.finish() == 1
    assert watch.the("close", "slow")["initiator"] == "remote"
    recorder.keep("clock-haproxy-dashboard-reads-late", watch)


async def test_a_feed_that_waits_for_nobody(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Who does not take a message within 1.4 s is cut without a word; through nginx with TLS, a calm one beside it.

    The hosts' kernels keep little.
    """
    with routed() as hosts:
        for host in (hosts.client, hosts.server):
            host.set(net__ipv4__tcp_rmem="4096 16384 16384", net__ipv4__tcp_wmem="4096 16384 16384")
        hosts.start_python()
        _, url = behind_nginx(hosts, start, certificate, 8081)
        words = (*trusting(certificate), "--no-compression", *every(1.2, "send hello", 7, "calm"), "--stdin")
        async with watching(f"calm={url}", f"slow={url}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 1, "calm")
            await watch.command("slow: send flood 60 6000 1.4")
            await watch.command("slow: freeze 4.1")
            await over(watch, "slow", stage="tls")
            await leave(watch, "calm", status=1)
    assert watch.the("close", "slow")["initiator"] == "remote"
    recorder.keep("clock-wss-feed-waits-for-nobody", watch)
