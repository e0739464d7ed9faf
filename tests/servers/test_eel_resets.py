"""Resets that come out of the network, from another host at the same address, from an operator, or from here."""

import asyncio

import pytest

from tests.probing import ask, seen
from tests.servers.ashore import begun, doors, forgets
from tests.servers.between import opened, says
from tests.servers.child import installed
from tests.servers.eels import NODE, PYTHON, STOMP, looking, moments
from tests.servers.frameworks import Aiohttp, Tornado
from tests.servers.lines import THERE, beaten, behind_nginx, echoed, elsewhere, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.node import NodeEndings, SockJsNode
from tests.servers.node import command as node_command
from tests.servers.recordings import Recorder
from tests.servers.routed import INSIDE, OTHER, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_an_inspector_dislikes_a_word(recorder: Recorder) -> None:
    """A box on the way resets a STOMP job whose receipt holds a word it looks for; a page at the same host is well."""
    with routed() as hosts:
        hosts.start_stomp(beat_every=1300, wants=1300)
        hosts.start_node()
        hosts.weather(word="UNION SELECT")
        async with looking(hosts) as watch:
            await opened(
                watch,
                page={"url": NODE, "do": says(1.1, 8)},
                job={
                    "url": STOMP, "heart_beat": "1300,1300",
                    "do": [
                        *says(0.8, 2, "stomp-send /q/in 17"),
                        r"2.9 stomp-frame SEND\ndestination:/q/in\nreceipt:UNION SELECT\n\nx\0",
                    ],
                },
            )  # fmt: skip
            await over(watch, "job")
            await leave(watch, "page", status=1)
    assert watch.the("end", "job")["how"] == "reset"
    recorder.keep("eel-inspector-dislikes-a-word", watch)


async def test_a_firewall_starts_anew(recorder: Recorder) -> None:
    """It forgets all flows and resets what it does not know: two hosts' sessions go at their next word, and return."""
    with routed() as hosts, elsewhere(hosts):
        hosts.start_python(8081)
        forgets(hosts, 600, reset=True)
        async with looking(hosts) as watch:
            await opened(
                watch,
                one={"url": PYTHON, "do": says(0.8, 4), "reconnect": True},
                two={"url": THERE, "do": says(1.1, 5), "reconnect": True},
            )
            await echoed(watch, 3, "one", "two")
            hosts.forget_flows()
            for name in ("one", "two"):
                await seen(watch, "open", name, count=2)
            await asyncio.sleep(1.2)
            await leave(watch, status=1)
    assert {line["how"] for line in watch.of("end")} >= {"reset"}
    recorder.keep("eel-firewall-anew-resets-two-hosts", watch)


async def test_an_address_moves_to_the_standby(recorder: Recorder) -> None:
    """keepalived moves the address to a machine that knows of no session: RST at the next word, and back there."""
    with routed() as hosts, elsewhere(hosts) as standby:
        hosts.start_node()
        standby.ip("address", "add", f"{SERVER}/32", "dev", "lo")
        async with looking(hosts) as watch:
            await opened(
                watch,
                other={"url": f"ws://{OTHER}:8080/", "do": says(1.4, 9)},
                shop={"url": NODE, "do": says(0.9, 6), "reconnect": True},
            )
            await echoed(watch, 3, "shop")
            hosts.router.ip("route", "replace", f"{SERVER}/32", "via", "10.80.250.2")
            await seen(watch, "close", "shop")
            await seen(watch, "open", "shop", count=2)
            await asyncio.sleep(1.3)
            await leave(watch, "other", status=1)
    assert watch.of("end", "shop")[0]["how"] == "reset"
    recorder.keep("eel-address-moves-to-the-standby", watch)


async def test_a_box_resets_the_idle(start: Starter, recorder: Recorder) -> None:
    """It sends a RST to both ends of a flow that was quiet for 2.7 s: a quiet page at aiohttp goes, a ticker lives."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Aiohttp)
        doors(hosts, server)
        hosts.weather(idle=2.7)
        url = f"ws://{SERVER}:{server.port}/"
        async with looking(hosts) as watch:
            await opened(
                watch,
                ticker={"url": url, "do": says(1.2, 10)},
                quiet={"url": url, "do": ["0.7 send one", "2.4 send two"]},
            )
            await over(watch, "quiet")
            await leave(watch, "ticker", status=1)
    assert watch.the("end", "quiet")["how"] == "reset"
    recorder.keep("eel-box-resets-the-idle", watch)


async def test_a_port_is_closed_by_a_rule(recorder: Recorder) -> None:
    """Somebody puts a REJECT for one port into the firewall on the way: its session is reset, nobody comes in anew."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_stomp(beat_every=1200, wants=1200)
        async with looking(hosts) as watch:
            await opened(
                watch,
                chat={"url": NODE, "do": says(1.2, 8)},
                till={"url": STOMP, "heart_beat": "1200,1200"},
            )
            await beaten(watch, 2, "till")
            hosts.router.wall("tcp dport 8082 reject with tcp reset", name="shut")
            await over(watch, "till")
            await leave(watch, "chat", status=1)
    assert watch.the("end", "till")["how"] == "reset"
    recorder.keep("eel-rule-closes-a-port", watch)


async def test_a_program_resets(start: Starter, recorder: Recorder) -> None:
    """A program afar destroys its socket at a word it does not like, and goes on with everybody else."""
    with routed() as hosts:
        server = await begun(hosts.server, start, NodeEndings)
        doors(hosts, server)
        url = f"ws://{SERVER}:{server.port}/"
        async with looking(hosts) as watch:
            await opened(
                watch,
                well={"url": url, "do": says(1.1, 7)},
                bad={"url": url, "do": [*says(0.9, 2.8), "3.3 send reset"]},
            )
            await over(watch, "bad")
            await leave(watch, "well", status=1)
    assert watch.the("end", "bad")["how"] == "reset"
    recorder.keep("eel-program-resets-at-a-word", watch)


async def test_a_security_suite_kills_a_socket(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A tool on this machine kills the socket of a TLS chat; SockJS that polls the same host is spared."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Tornado)
        page = await begun(hosts.server, start, SockJsNode, heartbeat_delay=2000)
        nginx, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        doors(hosts, page)
        async with looking(hosts) as watch:
            await opened(
                watch,
                page={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "xhr-polling"},
                chat={"url": url, "do": says(0.9, 6)} | trusts(certificate),
            )
            await echoed(watch, 3, "chat")
            ss = installed("ss", "iproute2")
            hosts.client.run(ss, "-K", "-t", "state", "established", "dport", "=", f":{nginx.port}")
            await over(watch, "chat")
            await asyncio.sleep(0.6)
            await leave(watch, "page", status=1)
    recorder.keep("eel-socket-killed-here-tls", watch)


async def test_the_user_aborts(recorder: Recorder) -> None:
    """One is aborted by our own command, without a handshake; one is reset; one is left well."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_stomp(beat_every=1000, wants=1000)
        async with looking(hosts) as watch:
            await opened(
                watch,
                well={"url": NODE, "do": says(0.8, 6)},
                cut={"url": NODE, "do": [*says(0.9, 2), "3.1 abort"]},
                shot={"url": STOMP, "heart_beat": "1000,1000"},
            )
            await seen(watch, "close", "cut")
            await ask(watch, "reset", "shot")
            await over(watch, "cut", "shot", patience=1.5)
            await leave(watch, "well", status=None)
    recorder.keep("eel-our-own-abort-and-reset", watch)


async def test_the_wifi_joins_another_network(recorder: Recorder) -> None:
    """The laptop roams: its address is another one from now on. What it says from the old one goes nowhere."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start(*node_command("ws.mjs", "127.0.0.1", 8098), on=hosts.client)
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(
                watch,
                here={"url": "ws://127.0.0.1:8098/", "do": says(1.7, 12)},
                chat={"url": NODE, "do": says(0.8, 5), "reconnect": True},
            )
            await echoed(watch, 3, "chat")
            hosts.client.ip("address", "delete", "10.78.1.2/24", "dev", "eth0")
            hosts.client.ip("address", "add", "10.78.1.99/24", "dev", "eth0")
            hosts.client.ip("route", "replace", "default", "via", INSIDE)
            await within(watch, 20, "close", "chat")
            await seen(watch, "open", "chat", count=2)
            await asyncio.sleep(0.7)
            await leave(watch, "here", status=1)
    recorder.keep("eel-wifi-joins-another-network", watch)


async def test_the_cable_is_pulled_out_of_two(start: Starter, recorder: Recorder) -> None:
    """eth0 goes down under STOMP over TLS-less WebSocket and a pinging chat to another host; a loopback one is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(3)
        hosts.start(*node_command("ws.mjs", "127.0.0.1", 8098), on=hosts.client)
        hosts.start_stomp(beat_every=1000, wants=1000)
        async with looking(hosts) as watch:
            await opened(
                watch,
                here={"url": "ws://127.0.0.1:8098/", "do": says(1.5, 12)},
                till={"url": STOMP, "heart_beat": "1000,1000"},
                chat={"url": THERE, "ping_interval": 1.2, "ping_timeout": 3.0, "close_timeout": 1.0},
            )
            await beaten(watch, 2, "till")
            hosts.client.ip("link", "set", "eth0", "down")
            for name in ("till", "chat"):
                await within(watch, 20, "close", name)
            await over(watch, "till", "chat", patience=2)
            await leave(watch, "here", status=1)
    recorder.keep("eel-cable-pulled-two-hosts", watch)


async def test_a_vpn_takes_the_default_route(recorder: Recorder) -> None:
    """A VPN client replaces the default route by one into a hole, and takes the wrong way with what was open."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_node()
        hosts.client.ip("route", "add", f"{OTHER}/32", "via", INSIDE)
        async with looking(hosts) as watch:
            await opened(
                watch,
                split={"url": f"ws://{OTHER}:8080/", "do": says(1.3, 12)},
                chat={"url": NODE, "do": says(0.9, 6)},
            )
            await echoed(watch, 3, "chat")
            hosts.client.ip("link", "add", "tun3", "type", "veth", "peer", "name", "tun3x")
            hosts.client.ip("address", "add", "172.27.0.2/24", "dev", "tun3")
            hosts.client.ip("link", "set", "tun3", "up")
            hosts.client.ip("link", "set", "tun3x", "up")
            hosts.client.ip("route", "replace", "default", "via", "172.27.0.1", "dev", "tun3")
            await within(watch, 20, "close", "chat")
            await over(watch, "chat", patience=4)
            await leave(watch, "split", status=1)
    recorder.keep("eel-vpn-takes-the-default-route", watch)


async def test_a_hand_holds_a_queue(recorder: Recorder) -> None:
    """A burst of forty messages to a program that is asked to end us at the last of them by RST from a box."""
    with routed() as hosts:
        hosts.start_python(8081)
        hosts.start_node()
        hosts.weather(word="card=4111")
        async with looking(hosts) as watch:
            await opened(
                watch,
                well={"url": NODE, "do": says(0.9, 7)},
                form={"url": PYTHON, "no_compression": True, "reconnect": True}
                | {"do": [*moments(0.5, 0.15, 14, "send key"), "3.1 send-binary 636172643d34313131"]},
            )
            await seen(watch, "close", "form")
            await seen(watch, "open", "form", count=2)
            await asyncio.sleep(1)
            await leave(watch, "well", status=1)
    recorder.keep("eel-box-resets-a-card-number", watch)
