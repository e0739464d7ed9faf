"""Ways that are too small or too narrow, a machine without its network, hosts that nobody reaches; side by side."""

import asyncio

import pytest

from tests.probing import open_session
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import Table, opened, says
from tests.servers.frameworks import Sanic, Tornado
from tests.servers.goapps import Gobwas, Melody
from tests.servers.golang import Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.jvm import Artemis
from tests.servers.lines import DEFAULT_RETRIES, THERE, beaten, echoed, elsewhere, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.routed import FAR, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

WHO = {"login": "anna", "passcode": "crew"}


async def a_large_send_vanishes(start: Starter, recorder: Recorder) -> None:
    """STOMP over TCP: the stock list is larger than a new VPN takes, Artemis beats on; small messages pass."""
    with routed() as hosts:
        hosts.be_patient(4)
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        table = {"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "0,1600"} | WHO
        small, large = "stomp-send jms.queue.stock one", f"stomp-send jms.queue.stock {'item,' * 700}"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, sales=table | {"do": says(2.1, 16, small)})
            await opened(watch, stock=table | {"do": [f"0.9 {small}", f"1.8 {small}", f"4.2 {large}"]})
            await beaten(watch, 1, "stock")
            hosts.router.wall(f"ip daddr {SERVER} meta length > 1200 drop")
            await within(watch, 30, "close", "stock")
            await over(watch, "stock")
            await leave(watch, "sales", status=1)
    recorder.keep("dock-mtu-large-send-artemis", watch)


async def a_certificate_never_comes(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """HAProxy's certificate is in a packet that is lost on its way down; plain sessions with small words are well."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Sanic)
        haproxy = await begun(hosts.server, start, HaProxy, server.port, certificate=certificate)
        doors(hosts, server, haproxy)
        hosts.router.wall(f"ip saddr {SERVER} meta length > 600 drop")
        sealed = {"url": f"wss://{SERVER}:{haproxy.port}/", "open_timeout": 7.3} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, plain={"url": f"ws://{SERVER}:{server.port}/", "do": says(1.9, 16, "send tick")})
            await open_session(watch, name="sealed", **sealed)
            await within(watch, 20, "close", "sealed")
            await over(watch, "sealed")
            await leave(watch, "plain", status=3)
    assert watch.the("end", "sealed")["phase"] == "tls"
    recorder.keep("dock-mtu-certificate-never-comes", watch)


async def a_log_is_uploaded(start: Starter, recorder: Recorder) -> None:
    """A machine sends its log through a GSM modem and its pongs stand behind it; another host is reached otherwise."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Gorilla, PongWait=3.8, PingPeriod=1.7)
        doors(hosts, server)
        rate = ("rate", "28kbit", "burst", "1600", "limit", "900000")
        hosts.router.run("tc", "qdisc", "add", "dev", "wan", "root", "tbf", *rate)
        logger = {"url": f"ws://{SERVER}:{server.port}/ws", "no_compression": True}
        logger |= {"do": [*says(1.3, 4, "send tick"), "5.1 send-repeat x 64000"]}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(2.7, 40, "send tick")}, logger=logger)
            await within(watch, 45, "close", "logger")
            await over(watch, "logger")
            await leave(watch, "third", status=1)
    recorder.keep("dock-narrow-modem-log-upload", watch)


async def a_lease_is_over(start: Starter, recorder: Recorder) -> None:
    """DHCP takes our address under a busy chat and a desk that beats; a session with this machine itself is well."""
    with routed() as hosts:
        hosts.be_patient(4)
        server, broker = await begun(hosts.server, start, Tornado), await begun(hosts.server, start, CoilMq)
        agent = await begun(hosts.client, start, Gobwas)
        doors(hosts, server, broker)
        desk: Table = {"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "1400,0", "vhost": "localhost"}
        desk |= {"login": "ground", "passcode": "crew", "do": says(1.7, 20, "stomp-send /queue/a 1")}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                agent={"url": agent.url, "do": says(2.2, 30, "send tick")},
                busy={"url": f"ws://{SERVER}:{server.port}/", "do": says(0.9, 18, "send tick")},
                desk=desk,
            )
            await echoed(watch, 3, "busy")
            hosts.client.ip("address", "flush", "dev", "eth0")
            for session in ("busy", "desk"):
                await within(watch, 40, "close", session)
            await over(watch, "busy", "desk", patience=3)
            await leave(watch, "agent", status=1)
    recorder.keep("dock-local-lease-is-over", watch)


async def the_radio_is_off(start: Starter, recorder: Recorder) -> None:
    """Somebody closes the switch of the radio under a session that comes back by itself, and comes back in vain."""
    with routed() as hosts:
        hosts.be_patient(3)
        server = await begun(hosts.server, start, Melody)
        agent = await begun(hosts.client, start, Gobwas)
        doors(hosts, server)
        phone = {"url": f"ws://{SERVER}:{server.port}/ws", "reconnect": True, "do": says(1.1, 14, "send tick")}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, agent={"url": agent.url, "do": says(1.9, 30, "send tick")}, phone=phone)
            await echoed(watch, 3, "phone")
            hosts.client.ip("link", "set", "eth0", "down")
            await watch.until(lambda line: line["type"] == "close" and line["s"] == "phone" and line["c"] >= 3, 40)
            await over(watch, "phone", patience=2)
            await leave(watch, "agent", status=1)
    recorder.keep("dock-local-radio-off-reconnects", watch)


async def a_firewall_prohibits(start: Starter, recorder: Recorder) -> None:
    """The broker's port is prohibited from this network, and the router says so; the application's is open."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Sanic)
        doors(hosts, server)
        hosts.router.wall("tcp dport 61614 reject with icmp type admin-prohibited")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, app={"url": f"ws://{SERVER}:{server.port}/", "do": says(1.2, 9, "send tick")})
            await echoed(watch, 1, "app")
            await open_session(watch, name="mq", url=f"stomps://{SERVER}:61614")
            await over(watch, "mq", patience=3)
            await echoed(watch, 1, "app")
            await leave(watch, "app", status=3)
    assert watch.the("end", "mq")["how"] == "unreachable"
    recorder.keep("dock-unreachable-firewall-prohibits", watch)


async def a_server_is_switched_off(start: Starter, recorder: Recorder) -> None:
    """The wrong machine of a rack: its session drops and comes back to a host that is not there, says the router."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(5)
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        server = await begun(hosts.server, start, Tornado)
        doors(hosts, server)
        chat = {"url": f"ws://{SERVER}:{server.port}/", "reconnect": True, "do": says(1.4, 12, "send tick")}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(3.1, 40, "send tick")}, chat=chat)
            await echoed(watch, 3, "chat")
            hosts.server.ip("address", "del", f"{FAR}/24", "dev", "eth0")
            hosts.router.ip("neigh", "flush", "dev", "wan")
            await watch.until(lambda line: line["type"] == "close" and line["s"] == "chat" and line["c"] >= 2, 55)
            await asyncio.sleep(0.3)
            await leave(watch, "third", status=1)
    assert watch.of("end", "chat")[-1]["how"] == "unreachable"
    recorder.keep("dock-unreachable-server-switched-off-reconnects", watch)


async def test_ways_and_hosts(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Seven machines at a time; most of the time is spent waiting."""
    runs = (a_large_send_vanishes, a_log_is_uploaded, a_lease_is_over, the_radio_is_off)
    more = (a_firewall_prohibits, a_server_is_switched_off)
    sealed = a_certificate_never_comes(start, certificate, recorder)
    await side_by_side((*(run(start, recorder) for run in (*runs, *more)), sealed))
