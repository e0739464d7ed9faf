"""Tunnels that end under sessions: ssh, stunnel, socat, an overlay network and a VPN of one's own."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, seen
from tests.servers.ashore import begun, doors
from tests.servers.between import opened, says
from tests.servers.child import children
from tests.servers.eels import (
    FAR_END,
    NODE,
    STOMP,
    Forward,
    dark,
    looking,
    overlay,
    ssh,
    tun,
)
from tests.servers.lines import THERE, beaten, echoed, elsewhere, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonWs
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel, StunnelClient

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_the_terminal_with_the_ssh_is_closed(start: Starter, recorder: Recorder) -> None:
    """STOMP and a chat go through ``ssh -L`` to another host; its window is closed. One that goes direct is well."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_stomp(beat_every=900, wants=900)
        one, two = await ssh(hosts, start, 8080), await ssh(hosts, start, 8082)
        async with looking(hosts) as watch:
            await opened(
                watch,
                direct={"url": NODE, "do": says(1.3, 8)},
                chat={"url": f"ws://{LOOPBACK}:{one.port}/", "do": says(0.7, 5)},
                till={"url": f"stomp+ws://{LOOPBACK}:{two.port}/", "heart_beat": "900,900"},
            )
            await echoed(watch, 3, "chat")
            await beaten(watch, 1, "till")
            one.kill_client(signal.SIGHUP)
            two.kill_client(signal.SIGHUP)
            await over(watch, "chat", "till")
            await leave(watch, "direct", status=1)
    recorder.keep("eel-ssh-window-closed-two", watch)


async def test_an_autossh_brings_it_back(start: Starter, recorder: Recorder) -> None:
    """The far sshd's process for the tunnel is killed; autossh begins anew and the session comes back."""
    with routed() as hosts:
        hosts.start_python(8081)
        hosts.start_node()
        tunnel = await ssh(hosts, start, 8081)
        async with looking(hosts) as watch:
            await opened(
                watch,
                direct={"url": NODE, "do": says(1.6, 12)},
                office={"url": f"ws://{LOOPBACK}:{tunnel.port}/", "do": says(0.8, 4), "reconnect": True},
            )
            await echoed(watch, 3, "office")
            tunnel.signal_far_half(signal.SIGKILL)
            await seen(watch, "close", "office")
            await seen(watch, "postmortem", "office", ok=False)

            def again() -> None:
                tunnel.kill_client()  # it has ended; this is to be told so
                with hosts.client.inside():
                    tunnel.begin_client()

            await asyncio.to_thread(again)
            await seen(watch, "open", "office", count=2)
            await ask(watch, "send back again", "office")
            await seen(watch, "frame", "office", dir="in", opcode=1, text="back again")
            await leave(watch, "direct", status=1)
    recorder.keep("eel-ssh-autossh-brings-it-back", watch)


async def test_ssh_notices_that_the_way_is_dark(start: Starter, recorder: Recorder) -> None:
    """The way goes dark: ssh's own question is unanswered and it ends; a direct one to the same host goes later."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(4)
        hosts.start_node()
        tunnel = await ssh(hosts, start, 8080, alive=1)
        async with looking(hosts) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(1.7, 20)},
                direct={"url": NODE, "do": says(0.9, 3)},
                tunnel={"url": f"ws://{LOOPBACK}:{tunnel.port}/", "do": says(1.1, 3)},
            )
            await echoed(watch, 2, "tunnel", "direct")
            dark(hosts)
            for name in ("tunnel", "direct"):
                await within(watch, 20, "close", name)
            await over(watch, "tunnel", "direct", patience=3)
            await leave(watch, "third", status=1)
    recorder.keep("eel-ssh-and-direct-way-dark", watch)


async def test_the_program_behind_ssh_dies(start: Starter, recorder: Recorder) -> None:
    """The tunnel stands; what is at its far end is killed, under one who comes through it and one who comes direct."""
    with routed() as hosts, elsewhere(hosts):
        program = hosts.start_node()
        tunnel = await ssh(hosts, start, 8080)
        async with looking(hosts) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(1.2, 9)},
                direct={"url": NODE},
                tunnel={"url": f"ws://{LOOPBACK}:{tunnel.port}/", "do": says(0.8, 4)},
            )
            await echoed(watch, 3, "tunnel")
            program.kill()
            await over(watch, "tunnel", "direct")
            await leave(watch, "third", status=1)
    recorder.keep("eel-ssh-program-behind-it-dies", watch)


async def test_a_near_stunnel_is_killed(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A pair of stunnels carries plain STOMP to another host; the near one is killed by hand."""
    with routed() as hosts:
        hosts.start_stomp(beat_every=1100, wants=1100)
        hosts.start_node()
        far = await begun(hosts.server, start, Stunnel, 8082, certificate)
        doors(hosts, far)
        near = await begun(hosts.client, start, StunnelClient, far.port, certificate, at=SERVER)
        async with looking(hosts) as watch:
            await opened(
                watch,
                direct={"url": NODE, "do": says(1.4, 8)},
                till={"url": f"stomp+ws://{LOOPBACK}:{near.port}/", "heart_beat": "1100,1100"},
            )
            await beaten(watch, 3, "till")
            near.end()
            await over(watch, "till")
            await leave(watch, "direct", status=1)
    recorder.keep("eel-stunnel-near-killed", watch)


async def test_a_far_stunnel_is_stopped(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """The far one is stopped for an upgrade of OpenSSL: two through it end. One who goes round the pair is well."""
    with routed() as hosts:
        hosts.start_node()
        far = await begun(hosts.server, start, Stunnel, 8080, certificate)
        doors(hosts, far)
        near = await begun(hosts.client, start, StunnelClient, far.port, certificate, at=SERVER)
        url = f"ws://{LOOPBACK}:{near.port}/"
        async with looking(hosts) as watch:
            await opened(
                watch,
                round={"url": NODE, "do": says(1.3, 8)},
                anna={"url": url, "do": says(0.7, 3)},
                bert={"url": url},
            )
            await echoed(watch, 3, "anna")
            await asyncio.to_thread(far.stop)
            await over(watch, "anna", "bert")
            await leave(watch, "round", status=1)
    recorder.keep("eel-stunnel-far-stopped-two", watch)


async def test_a_port_forward_is_interrupted(start: Starter, recorder: Recorder) -> None:
    """socat as a port-forward to a host afar, ended by Ctrl-C: a SockJS page that streams and a raw one."""
    with routed() as hosts:
        page = await begun(hosts.server, start, SockJsNode, heartbeat_delay=1500)
        doors(hosts, page)
        forward = await begun(hosts.client, start, Forward, SERVER, page.port)
        base = f"http://{LOOPBACK}:{forward.port}/echo"
        async with looking(hosts) as watch:
            await opened(
                watch,
                direct={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "websocket"},
                page={"url": base, "sockjs_transport": "xhr-streaming", "do": says(0.9, 3)},
                socket={"url": base, "sockjs_transport": "websocket", "do": says(0.8, 3)},
            )
            await echoed(watch, 3, "socket")
            forward.end(signal.SIGINT)
            await over(watch, "page", "socket")
            await leave(watch, "direct", status=1)
    recorder.keep("eel-socat-port-forward-interrupted", watch)


async def test_one_process_of_a_forward_is_killed(start: Starter, recorder: Recorder) -> None:
    """socat has a process for each connection; the out-of-memory killer takes one. The other session is well."""
    with routed() as hosts:
        hosts.start_node()
        forward = await begun(hosts.client, start, Forward, SERVER, 8080)
        url = f"ws://{LOOPBACK}:{forward.port}/"
        async with looking(hosts) as watch:
            await opened(watch, taken={"url": url, "do": says(0.8, 4), "reconnect": True})
            (process,) = children(forward.pid)
            await opened(watch, spared={"url": url, "do": says(1.1, 8)})
            await echoed(watch, 2, "taken", "spared")
            os.kill(process, signal.SIGKILL)
            await seen(watch, "close", "taken")
            await seen(watch, "open", "taken", count=2)
            await asyncio.sleep(1)
            await leave(watch, "spared", status=1)
    recorder.keep("eel-socat-one-process-killed", watch)


async def test_a_forward_is_tired_of_silence(start: Starter, recorder: Recorder) -> None:
    """socat ``-T 3``: a quiet one is cut three seconds after its last word; one that talks is well."""
    with routed() as hosts:
        hosts.start_node()
        forward = await begun(hosts.client, start, Forward, SERVER, 8080, "-T", "3")
        url = f"ws://{LOOPBACK}:{forward.port}/"
        async with looking(hosts) as watch:
            await opened(
                watch,
                busy={"url": url, "do": says(1.2, 9)},
                quiet={"url": url, "do": ["0.5 send hello", "1.9 send anybody?"]},
            )
            await over(watch, "quiet")
            await leave(watch, "busy", status=1)
    recorder.keep("eel-socat-tired-of-silence", watch)


async def test_an_overlay_is_deleted_here(recorder: Recorder) -> None:
    """A restarted agent takes the VXLAN of this host away; what goes by the plain network is well."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_node()
        hosts.start_python(8081)
        overlay(hosts)
        async with looking(hosts) as watch:
            await opened(
                watch,
                plain={"url": NODE, "do": says(1.2, 12)},
                pod={"url": f"ws://{FAR_END}:8081/", "do": says(0.8, 6)},
            )
            await echoed(watch, 3, "pod")
            hosts.client.ip("link", "delete", "vx0")
            await within(watch, 20, "close", "pod")
            await over(watch, "pod", patience=3)
            await leave(watch, "plain", status=1)
    recorder.keep("eel-overlay-deleted-here", watch)


async def test_an_overlay_whose_large_packets_vanish(recorder: Recorder) -> None:
    """A provider drops UDP of more than 1200 bytes: a report vanishes in the overlay, a chat there goes on."""
    with routed() as hosts:
        hosts.be_patient(4)
        hosts.start_node()
        overlay(hosts)
        hosts.router.wall("udp dport 4789 meta length > 1200 drop", name="provider")
        url = f"ws://{FAR_END}:8080/"
        async with looking(hosts) as watch:
            await opened(
                watch,
                chat={"url": url, "do": says(1.1, 14)},
                report={
                    "url": url, "no_compression": True, "do": ["0.6 send a", "1.5 send b", "2.2 send-repeat r 5200"],
                },
            )  # fmt: skip
            await within(watch, 20, "close", "report")
            await over(watch, "report", patience=3)
            await leave(watch, "chat", status=1)
    assert watch.the("end", "report")["how"] == "timeout"
    recorder.keep("eel-overlay-large-packets-vanish", watch)


async def test_a_home_made_vpn_ends_here(recorder: Recorder) -> None:
    """Its near half is killed and the TUN goes with it: one inside ends, one past it is well."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_node()
        hosts.start_stomp(beat_every=1000, wants=1000)
        near, _ = await tun(hosts)
        async with looking(hosts) as watch:
            await opened(
                watch,
                past={"url": STOMP, "heart_beat": "1000,1000"},
                inside={"url": f"ws://{FAR_END}:8080/", "do": says(0.9, 7)},
            )
            await echoed(watch, 3, "inside")
            near.kill()
            await within(watch, 20, "close", "inside")
            await over(watch, "inside", patience=3)
            await leave(watch, "past", status=1)
    recorder.keep("eel-tun-vpn-near-half-killed", watch)


async def test_a_home_made_vpn_ends_afar(recorder: Recorder) -> None:
    """Its far half ends: what is said into it reaches nobody, our pings too. One past it is well."""
    with routed() as hosts:
        hosts.be_patient(6)
        hosts.start_node()
        hosts.start_python(8081)
        _, far = await tun(hosts)
        async with looking(hosts) as watch:
            await opened(
                watch,
                past={"url": NODE, "do": says(1.4, 12)},
                inside={"url": f"ws://{FAR_END}:8081/", "ping_interval": 1.1, "ping_timeout": 3.2, "close_timeout": 1},
            )
            await seen(watch, "frame", "inside", dir="in", opcode=10, count=2)
            far.terminate()
            await within(watch, 20, "close", "inside")
            await over(watch, "inside", patience=3)
            await leave(watch, "past", status=1)
    assert watch.the("close", "inside")["initiator"] == "local"
    recorder.keep("eel-tun-vpn-far-half-ends", watch)


async def test_a_forward_here_to_a_program_here(start: Starter, recorder: Recorder) -> None:
    """Everything is on this machine: the tunnel's ssh is stopped, the program it led to goes on."""
    with routed() as hosts:
        program = await begun(hosts.server, start, PythonWs, ping_interval=None)
        doors(hosts, program)
        forward = await begun(hosts.client, start, Forward, SERVER, program.port)
        outer = await begun(hosts.client, start, Forward, LOOPBACK, forward.port)
        async with looking(hosts) as watch:
            await opened(
                watch,
                short={"url": f"ws://{LOOPBACK}:{forward.port}/", "do": says(1.2, 7)},
                long={"url": f"ws://{LOOPBACK}:{outer.port}/", "do": says(0.8, 3)},
            )
            await echoed(watch, 3, "long")
            outer.end(signal.SIGTERM)
            await over(watch, "long")
            await leave(watch, "short", status=1)
    recorder.keep("eel-two-forwards-outer-ends", watch)
