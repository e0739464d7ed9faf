"""Sessions that the way under them loses: a reset, a dark line, a router that forgets, Wi-Fi that is off, a tunnel."""

import asyncio
import signal

import pytest

from tests.probing import seen
from tests.servers.ashore import begun, doors, forgets, side_by_side
from tests.servers.between import Table, opened, says, sockjs, stomp
from tests.servers.goapps import Gobwas, Melody
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis
from tests.servers.lines import beaten, behind_nginx, echoed, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.node import command as node_command
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import INSIDE, SERVER, Routed, routed
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

HERE = f"ws://{LOOPBACK}:8099/"
"""A program on the client's own machine."""


def at_home(hosts: Routed) -> None:
    """Node's ws on the client's own loopback."""
    hosts.start(*node_command("ws.mjs", LOOPBACK, 8099), on=hosts.client)


async def a_box_resets_one(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """An inspecting firewall resets the one who talks over TLS; a quiet one by that nginx stays, a plain one too."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Gobwas)
        nginx, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        doors(hosts, server)
        sealed: Table = {"url": f"{url}ws"} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                plain={"url": f"ws://{SERVER}:{server.port}/ws", "do": says(1.2, 14)},
                quiet=sealed,
                chat=sealed | {"do": says(0.7, 4), "reconnect": True},
            )
            await echoed(watch, 3, "chat")
            hosts.router.wall(f"tcp dport {nginx.port} reject with tcp reset", name="inspects")
            await seen(watch, "close", "chat")
            hosts.router.no_wall("inspects")
            await seen(watch, "open", "chat", count=2)
            await echoed(watch, 2, "plain")
            await leave(watch, "plain", "quiet", status=1)
    assert watch.of("close", "chat")[0]["transport"]["how"] == "reset"
    recorder.keep("elm-nginx-gobwas-box-resets-the-one-who-talks", watch)


async def the_line_is_dead(start: Starter, recorder: Recorder) -> None:
    """The provider's line behind the router is dead: a chat and a till with beats; one on this machine goes on."""
    with routed() as hosts:
        hosts.be_patient(4)
        at_home(hosts)
        broker = await begun(hosts.server, start, Artemis)
        server = await begun(hosts.server, start, Melody)
        doors(hosts, broker, server)
        till: Table = {"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "4000,4000"} | ANNA
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                here={"url": HERE, "do": says(2.7, 30)},
                till=till,
                chat={"url": f"ws://{SERVER}:{server.port}/ws", "do": says(1.4, 8)},
            )
            await echoed(watch, 3, "chat")
            hosts.router.wall('oifname "wan" drop', name="dead_out")
            hosts.router.wall('iifname "wan" drop', name="dead_in")
            for session in ("chat", "till"):
                await within(watch, 30, "close", session)
            await over(watch, "chat", "till")
            await leave(watch, "here", status=1)
    assert watch.the("end", "chat")["how"] == "timeout"
    recorder.keep("elm-melody-artemis-line-behind-the-router-dead", watch)


async def the_router_forgets(start: Starter, recorder: Recorder) -> None:
    """A job says nothing for some seconds and asked for no beats; its next message is swallowed. The other beats."""
    with routed() as hosts:
        hosts.be_patient(4)
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        forgets(hosts, 3)
        table: Table = {"url": f"stomp://{SERVER}:{broker.port}"} | ANNA
        order = "stomp-send /queue/orders one"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                beats=table | {"heart_beat": "1400,1400"},
                job=table | {"heart_beat": "0,0", "do": [f"{at} {order}" for at in (0.5, 1.2, 7.2, 8.0)]},
            )
            await within(watch, 30, "close", "job")
            await over(watch, "job")
            await leave(watch, "beats", status=1)
    assert watch.the("end", "job")["how"] == "timeout"
    recorder.keep("elm-artemis-router-forgets-a-job", watch)


async def the_wifi_is_off(start: Starter, recorder: Recorder) -> None:
    """Off, and on again some seconds later: who talked is dropped and comes back, who was quiet stays."""
    with routed() as hosts:
        hosts.be_patient(3)
        at_home(hosts)
        server = await begun(hosts.server, start, Melody)
        doors(hosts, server)
        hosts.start_node()
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                here={"url": HERE, "do": says(1.9, 25)},
                quiet={"url": f"ws://{SERVER}:8080/"},
                chat={"url": f"ws://{SERVER}:{server.port}/ws", "do": says(0.8, 5), "reconnect": True},
            )
            await echoed(watch, 2, "chat")
            hosts.client.ip("link", "set", "eth0", "down")
            await within(watch, 25, "close", "chat")
            await asyncio.sleep(2.2)
            hosts.client.ip("link", "set", "eth0", "up")
            hosts.client.ip("route", "replace", "default", "via", INSIDE)
            await seen(watch, "open", "chat", count=2)
            await echoed(watch, 1, "here")
            await leave(watch, "here", "quiet", status=1)
    recorder.keep("elm-melody-wifi-off-and-on", watch)


async def test_lines(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Four machines at a time; most of the time is spent waiting."""
    runs = (the_line_is_dead, the_router_forgets, the_wifi_is_off)
    await side_by_side((*(run(start, recorder) for run in runs), a_box_resets_one(start, certificate, recorder)))


async def test_the_tunnel_is_started_again(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """autossh ends the ssh under a desk and starts another; the desk comes back. Who needs no tunnel stays."""
    page = start(SockJsNode, heartbeat_delay=1600)
    ssh = await asyncio.to_thread(start, SshTunnel, artemis.port)
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            page=sockjs(page.port, "websocket"),
            office=stomp(artemis.port, "1800,1800", ANNA),
            desk=stomp(ssh.port, "1500,1500", ANNA, reconnect=True),
        )
        await beaten(watch, 2, "desk")
        await asyncio.to_thread(ssh.kill_client, signal.SIGTERM)
        await seen(watch, "close", "desk")
        await asyncio.sleep(0.8)
        await asyncio.to_thread(ssh.begin_client)
        await seen(watch, "stomp", "desk", command="CONNECTED", count=2)
        await beaten(watch, 1, "office")
        await leave(watch, "page", "office", status=1)
    assert watch.of("close", "desk")[0]["initiator"] == "remote"
    recorder.keep("elm-ssh-artemis-tunnel-started-again", watch)
