"""Lines that are narrow, cut or reset, an address that changes, sockets killed on this machine, and a dark far side."""

import asyncio

import pytest

from tests.probing import seen
from tests.servers.ashore import begun, doors
from tests.servers.between import Table, opened, says
from tests.servers.child import installed
from tests.servers.forward import Connect
from tests.servers.goapps import Melody
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis
from tests.servers.lines import (
    DEFAULT_RETRIES,
    THERE,
    beaten,
    behind_nginx,
    echoed,
    elsewhere,
    leave,
    open_doors,
    over,
    within,
)
from tests.servers.nginx import Certificate
from tests.servers.node import command as node_command
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import CLIENT, INSIDE, OTHER, SERVER, Routed, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

NODE = f"ws://{SERVER}:8080/"
HERE = f"ws://{LOOPBACK}:8099/"
"""A program on the client's own machine."""


def at_home(hosts: Routed) -> None:
    """Node's ws on the client's own loopback."""
    hosts.start(*node_command("ws.mjs", LOOPBACK, 8099), on=hosts.client)


async def test_an_upload_fills_the_way(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A backup over a narrow line: our ping stands behind it. Go behind nginx, TLS; a line elsewhere is broad."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        melody = await begun(hosts.server, start, Melody, MaxMessage=4000000)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, melody.port)
        rate = ("rate", "180kbit", "burst", "3000", "limit", "900000")
        hosts.router.run("tc", "qdisc", "add", "dev", "wan", "root", "tbf", *rate)
        backup: Table = {"url": f"{url}ws", "no_compression": True, "ping_interval": 2.2, "ping_timeout": 4.1}
        backup |= {"do": ["0.9 send begin", *(f"{2.5 + n * 0.5:.1f} send-repeat x 70000" for n in range(5))]}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(2.3, 30)})
            await opened(watch, backup=backup | {"close_timeout": 1.5} | trusts(certificate))
            await within(watch, 40, "close", "backup")
            await over(watch, "backup", stage="tls")
            await leave(watch, "third", status=1)
    assert watch.the("close", "backup")["initiator"] == "local"
    recorder.keep("sail-narrow-up-melody-backup", watch)


async def test_a_download_fills_the_way(recorder: Recorder) -> None:
    """A replay comes slower than it is sent, and the pong behind it; the line to another host is broad."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node()
        rate = ("rate", "220kbit", "burst", "3000", "limit", "900000")
        hosts.server.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *rate)
        replay: Table = {"url": NODE, "no_compression": True, "ping_interval": 1.7, "ping_timeout": 5.0}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(2.1, 30)})
            await opened(watch, replay=replay | {"close_timeout": 1.5, "do": ["2.6 send flood 14 40000"]})
            await within(watch, 40, "close", "replay")
            await over(watch, "replay")
            await leave(watch, "third", status=1)
    assert watch.the("close", "replay")["initiator"] == "local"
    recorder.keep("sail-narrow-down-node-replay", watch)


async def test_the_address_changes(start: Starter, recorder: Recorder) -> None:
    """From the cable to the wireless network, with a new address: a till comes back; who is on this machine stays."""
    with routed() as hosts:
        hosts.be_patient(3)
        at_home(hosts)
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        till: Table = {"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "1300,1300", "reconnect": True} | ANNA
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, here={"url": HERE, "do": says(1.9, 20)}, till=till)
            await beaten(watch, 2, "till")
            hosts.client.ip("address", "delete", f"{CLIENT}/24", "dev", "eth0")
            await asyncio.sleep(0.8)
            hosts.client.ip("address", "add", "10.78.1.7/24", "dev", "eth0")
            hosts.client.ip("route", "replace", "default", "via", INSIDE)
            await within(watch, 40, "close", "till")
            await seen(watch, "stomp", "till", command="CONNECTED", count=2)
            await beaten(watch, 1, "till")
            await leave(watch, "here", status=1)
    recorder.keep("sail-local-address-changes-artemis", watch)


async def test_it_is_dark_behind_the_office_proxy(start: Starter, recorder: Recorder) -> None:
    """tinyproxy on the router takes our pings and reaches nobody any more; who does not use it is well."""
    with routed() as hosts:
        hosts.start_node()
        with hosts.router.inside():
            proxy = start(Connect)
        open_doors(hosts.router, proxy.port)
        way = {"proxy": f"http://{INSIDE}:{proxy.port}", "ping_interval": 1.4, "ping_timeout": 3.3}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                direct={"url": f"ws://{OTHER}:8080/", "do": says(1.3, 30)},
                desk={"url": NODE, "do": says(0.9, 3), "close_timeout": 1.2} | way,
            )
            await echoed(watch, 2, "desk")
            hosts.router.wall(f"ip daddr {SERVER} drop", "output", name="dark")
            await within(watch, 30, "close", "desk")
            await over(watch, "desk", patience=6.5)
            await leave(watch, "direct", status=1)
    assert watch.the("close", "desk")["initiator"] == "local"
    recorder.keep("sail-tinyproxy-dark-behind-it", watch)


async def test_a_filter_resets_what_is_established(recorder: Recorder) -> None:
    """A box on the way is given new rules and resets two busy sessions with two servers; both come back."""
    with routed() as hosts:
        at_home(hosts)
        hosts.start_node()
        hosts.start_stomp(beat_every=900, wants=900)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                here={"url": HERE, "do": says(1.4, 20)},
                chat={"url": NODE, "do": says(0.6, 3), "reconnect": True},
                board={"url": f"stomp+ws://{OTHER}:8082/", "heart_beat": "900,900", "reconnect": True},
            )
            await echoed(watch, 2, "chat")
            hosts.router.wall("ct state established tcp flags & (syn | rst) == 0 reject with tcp reset", name="rules")
            for name in ("chat", "board"):
                await seen(watch, "close", name)
            hosts.router.no_wall("rules")
            await seen(watch, "open", "chat", count=2)
            await seen(watch, "stomp", "board", command="CONNECTED", count=2)
            await leave(watch, "here", status=1)
    for name in ("chat", "board"):
        assert watch.of("close", name)[0]["transport"]["how"] == "reset"
    recorder.keep("sail-reset-new-rules-of-a-box", watch)


async def test_the_dock_is_pulled_out(recorder: Recorder) -> None:
    """Both sessions lose the interface under them in the middle of their talk; one on this machine goes on."""
    with routed() as hosts:
        hosts.be_patient(3)
        at_home(hosts)
        hosts.start_node()
        hosts.start_stomp(beat_every=1200, wants=1200)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                here={"url": HERE, "do": says(1.7, 20)},
                chat={"url": NODE, "do": says(0.8, 20)},
                board={"url": f"stomp+ws://{OTHER}:8082/", "heart_beat": "1200,1200"},
            )
            await echoed(watch, 3, "chat")
            hosts.client.ip("link", "set", "eth0", "down")
            await over(watch, "chat", "board")
            await leave(watch, "here", status=1)
    recorder.keep("sail-local-dock-pulled-out", watch)


async def test_a_socket_is_killed_by_hand(recorder: Recorder) -> None:
    """``ss -K`` by an administrator of this machine, for what goes to one address; the one to the other stays."""
    with routed() as hosts:
        hosts.start_node()
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                other={"url": f"ws://{OTHER}:8080/", "do": says(1.2, 20)},
                chat={"url": NODE, "do": says(0.7, 3), "reconnect": True},
            )
            await echoed(watch, 2, "chat")
            hosts.client.run(installed("ss", "iproute2"), "-K", "dst", SERVER, "dport", "=", ":8080")
            await seen(watch, "open", "chat", count=2)
            await echoed(watch, 1, "other")
            await leave(watch, "other", status=1)
    recorder.keep("sail-local-socket-killed-and-back", watch)
