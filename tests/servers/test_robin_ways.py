"""Ways that lead to no door: routes, names, a carrier's limit, ports that moved, programs that stand still, proxies."""

import asyncio
import os
import signal
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from websockets.asyncio.server import unix_serve

from tests.probing import ask, open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import Table, opened, refused, says, sockjs, stomp, ws, wss
from tests.servers.forward import Privoxy, Squid
from tests.servers.frameworks import Sanic
from tests.servers.joined import CREW
from tests.servers.jvm import Jetty
from tests.servers.lesser import Hitch
from tests.servers.lines import THERE, elsewhere, leave, over
from tests.servers.nats import Nats
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_kite_hands import turned_away
from tests.servers.test_kite_network import dnsmasq
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

LIVE = f"ws://{SERVER}:8080/"
ORDER = "stomp-send /queue/orders one"
COIL: Table = CREW | {"stomp_version": "1.0,1.1", "do": says(1.2, 6, ORDER)}
DIGEST = "staff:Office:a3f2c5a5f3d7f0a9f0c0a2a1d6b7c8e9"


async def test_a_route_was_withdrawn(recorder: Recorder) -> None:
    """The second site's route was withdrawn and the router says so; the first site is well."""
    with routed() as hosts:
        hosts.start_node()
        hosts.router.ip("route", "replace", "unreachable", f"{OTHER}/32")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, first={"url": LIVE, "do": says(1.2, 6)})
            await open_session(watch, name="second", url=f"ws://{OTHER}:8080/", open_timeout=5.0)
            await over(watch, "second")
            await leave(watch, "first", status=3)
    assert watch.the("end", "second")["how"] == "unreachable"
    recorder.keep("robin-route-to-the-second-site-withdrawn", watch)


async def test_a_machine_next_door_is_off(recorder: Recorder) -> None:
    """A label printer in the same room was unplugged: nobody answers who has its address. The server is well."""
    with routed() as hosts:
        hosts.start_stomp()
        hosts.client.set(net__ipv4__tcp_syn_retries=4)  # so that the kernel's word on the address comes first
        tower: Table = {"url": f"stomp+ws://{SERVER}:8082/", "heart_beat": "1500,1500", "login": "a", "passcode": "b"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, server=tower)
            await open_session(watch, name="printer", url="ws://10.78.1.77:9100/", open_timeout=8.0)
            await over(watch, "printer")
            await leave(watch, "server", status=3)
    assert watch.the("end", "printer")["how"] == "unreachable"
    recorder.keep("robin-next-door-machine-answers-no-arp", watch)


async def test_a_name_has_no_address(recorder: Recorder) -> None:
    """Somebody took the A record out of the zone and left a TXT: the name is there, no address is. Another is well."""
    with routed() as hosts:
        hosts.start_node()
        dnsmasq(
            hosts,
            f"--address=/api.club.example/{SERVER}",
            "--txt-record=live.club.example,v=spf1 -all",
            "--local=/club.example/",
        )
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, api={"url": "ws://api.club.example:8080/", "do": says(1.0, 5)})
            await open_session(watch, name="live", url="wss://live.club.example/socket")
            await over(watch, "live")
            await leave(watch, "api", status=3)
    assert watch.the("end", "live")["how"] == "dns"
    recorder.keep("robin-dns-name-has-no-address", watch)


async def test_the_resolver_of_this_machine_is_stopped(recorder: Recorder) -> None:
    """``resolv.conf`` names 127.0.0.53, and what listened there was stopped; a session by address is well."""
    with routed() as hosts:
        hosts.start_python(8081)
        place = Path("/etc/netns") / hosts.client.name
        place.mkdir(parents=True, exist_ok=True)
        (place / "resolv.conf").write_text("nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch home\n")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, address={"url": f"ws://{SERVER}:8081/", "do": says(0.9, 5)})
            await open_session(watch, name="chat", url="wss://chat.club.example/ws", open_timeout=8.0)
            await over(watch, "chat")
            await leave(watch, "address", status=3)
    assert watch.the("end", "chat")["how"] == "dns"
    recorder.keep("robin-dns-resolver-of-this-machine-is-stopped", watch)


async def test_a_carrier_lets_two_through(recorder: Recorder) -> None:
    """A carrier's box lets an address have two connections to that port and swallows the third's SYN."""
    with routed() as hosts:
        hosts.start_node()
        hosts.router.wall("tcp dport 8080 ct state new ct count over 2 drop")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, first={"url": LIVE, "do": says(1.3, 8)}, second={"url": LIVE})
            await open_session(watch, name="third", url=LIVE, open_timeout=4.1)
            await over(watch, "third")
            await leave(watch, "first", "second", status=3)
    assert watch.the("end", "third")["how"] == "timeout"
    recorder.keep("robin-timeout-third-connection-of-a-carrier", watch)


async def test_the_brokers_vlan_is_not_on_the_trunk(recorder: Recorder) -> None:
    """Behind the router the way to the broker ends in the dark, whoever asks; another host is reached. Two attempts."""
    with routed() as hosts, elsewhere(hosts):
        hosts.start_stomp()
        hosts.router.ip("route", "replace", "blackhole", f"{SERVER}/32")
        broker: Table = {"url": f"stomp+ws://{SERVER}:8082/", "heart_beat": "2000,2000", "open_timeout": 3.1}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, page={"url": THERE, "do": says(1.4, 10)})
            await open_session(watch, name="job", reconnect=True, **broker)
            await seen(watch, "close", "job", count=2)
            await leave(watch, "page", status=3)
    recorder.keep("robin-timeout-vlan-of-the-broker", watch)


async def test_a_container_is_published_elsewhere(start: Starter, recorder: Recorder) -> None:
    """A session leaves in order; the container is made anew with a port by chance, and the next one is refused."""
    server, other = start(Sanic), start(NodeWs)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=ws(other.port, do=says(1.1, 6)), before=ws(server.port, do=["0.4 send good night"]))
        await ask(watch, "close 1000", "before")
        await seen(watch, "close", "before")
        await asyncio.to_thread(server.stop)
        start(Sanic)
        await open_session(watch, name="after", **ws(server.port))
        await over(watch, "after")
        await leave(watch, "other", status=3)
    assert watch.the("end", "after")["how"] == "refused"
    recorder.keep("robin-refused-published-at-another-port-since", watch)


async def test_a_socket_file_was_left(recorder: Recorder) -> None:
    """An agent's daemon died and left the file of its Unix socket; the daemon of another is well."""
    with TemporaryDirectory() as place:
        stale, live = f"{place}/agent.sock", f"{place}/other.sock"
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(stale)
            one.listen()

        async def echo(client: object) -> None:
            async for message in client:  # type: ignore[attr-defined]
                await client.send(message)  # type: ignore[attr-defined]

        async with unix_serve(echo, live, ping_interval=None):
            watch = await refused(
                {"agent": {"url": "ws://localhost/v1", "unix_socket": stale}},
                after=0.9,
                before=0.8,
                other={"url": "ws://localhost/v1", "unix_socket": live, "do": says(0.9, 4)},
            )
    assert watch.the("end", "agent")["how"] == "refused"
    recorder.keep("robin-refused-stale-unix-socket", watch)


async def test_nobody_listens_at_the_tls_port(certificate: Certificate, recorder: Recorder) -> None:
    """The proxy in front did not start after its update; one session tries three times."""
    (nobody,) = free_ports(1)
    async with probing("--stdin", "--reconnect", **POSTMORTEM) as watch:
        await open_session(watch, name="A", **wss(nobody, certificate))
        await seen(watch, "close", "A", count=3)
        await leave(watch, status=3)
    recorder.keep("robin-refused-wss-alone-again-and-again", watch)


async def test_jetty_stands_still(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A long collection of garbage: hitch shakes hands, Jetty behind it says nothing. Another program is well."""
    server, other = start(Jetty), start(NodeWs)
    hitch = start(Hitch, server.port, certificate)
    phone = wss(hitch.port, certificate, open_timeout=4.7) | {"url": f"wss://localhost:{hitch.port}/live"}
    os.kill(server.pid, signal.SIGSTOP)
    watch = await refused({"phone": phone}, after=0.9, before=0.5, other=ws(other.port, do=says(1.3, 7)))
    os.kill(server.pid, signal.SIGCONT)
    recorder.keep("robin-hitch-jetty-stands-still", watch)


async def test_activemq_stands_still(own_activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """The broker's machine swaps: its kernel takes CONNECT, the broker does not answer. Another broker is well."""
    other = start(CoilMq)
    os.kill(own_activemq.pid, signal.SIGSTOP)
    async with probing("--stdin", **POSTMORTEM) as watch:
        job = stomp(own_activemq.port, "0,0", CREW, open_timeout=4.4)
        await turned_away(watch, {"job": job}, {"other": stomp(other.port, "0,0", COIL)}, 1.1)
    os.kill(own_activemq.pid, signal.SIGCONT)
    recorder.keep("robin-activemq-stands-still-before-connected", watch)


async def test_a_page_polls_the_port_of_nats(start: Starter, recorder: Recorder) -> None:
    """4222 is the port the clients of NATS use, and a page's SockJS was given it. The right one is sockjs-node's."""
    nats, right = start(Nats), start(SockJsNode, heartbeat_delay=1500)
    watch = await refused(
        {"page": sockjs(nats.tcp_port, "xhr-polling", open_timeout=5.0)},
        after=1.0,
        before=0.7,
        right=sockjs(right.port, "websocket", do=says(0.9, 5)),
    )
    recorder.keep("robin-sockjs-to-the-port-of-nats", watch)


async def test_squid_wants_a_digest(start: Starter, recorder: Recorder) -> None:
    """The office's Squid asks for Digest; a kiosk shows nothing. A desk has a way round it."""
    with TemporaryDirectory() as place:
        users = Path(place) / "users"
        users.write_text(f"{DIGEST}\n")
        os.chmod(place, 0o755)  # noqa: PTH101
        wants = (
            f"deny !all\nauth_param digest program /usr/lib/squid/digest_file_auth -c {users}\n"
            "auth_param digest realm Office\nacl staff proxy_auth REQUIRED\nhttp_access allow staff\nhttp_access deny"
        )
        server, squid = start(Sanic), start(Squid, access=wants)
        kiosk = ws(server.port, proxy=f"http://{LOOPBACK}:{squid.port}")
        watch = await refused({"kiosk": kiosk}, after=0.8, before=0.8, desk=ws(server.port, do=says(1.0, 4)))
    recorder.keep("robin-squid-digest-407", watch)


async def test_privoxy_lets_443_through_alone(start: Starter, recorder: Recorder) -> None:
    """The house's Privoxy has ``limit-connect`` at 443; an app's socket is at another port. A desk goes round it."""
    server, privoxy = start(NodeWs), start(Privoxy, ports="443")
    app = ws(server.port, proxy=f"http://{LOOPBACK}:{privoxy.port}")
    watch = await refused({"app": app}, after=1.1, before=0.7, desk=ws(server.port, do=says(0.8, 4)))
    recorder.keep("robin-privoxy-lets-443-through-alone-403", watch)
