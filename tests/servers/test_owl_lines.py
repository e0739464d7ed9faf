"""Lines that go dark, lose, are narrow or too small, reset, or go away with a tunnel or an interface."""

import asyncio
import signal

import pytest

from tests.probing import ask, open_session, seen
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import Table, opened, says, stomp, ws
from tests.servers.frameworks import Sanic, Tornado
from tests.servers.goapps import Gobwas, Melody
from tests.servers.golang import Coder
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis, Vertx
from tests.servers.lines import DEFAULT_RETRIES, THERE, beaten, behind_nginx, echoed, elsewhere, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node import command as node_command
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import INSIDE, OTHER, SERVER, Routed, routed
from tests.servers.rustapps import Axum
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.servers.test_wire_weather import lose, lose_no_more
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

HERE = f"ws://{LOOPBACK}:8099/"
"""A program on the client's own machine."""


def at_home(hosts: Routed) -> None:
    """Node's ws on the client's own loopback."""
    hosts.start(*node_command("ws.mjs", LOOPBACK, 8099), on=hosts.client)


async def a_box_resets_an_upload(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A box against data leaks resets who sends a file of 60 kB over TLS; words pass, of it and of another."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Melody, MaxMessage=900000)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        sealed: Table = {"url": f"{url}ws", "no_compression": True} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, words=sealed | {"do": says(1.4, 14)}, upload=sealed | {"do": says(0.8, 2)})
            await echoed(watch, 2, "upload")
            hosts.router.wall("meta length > 1200 reject with tcp reset", name="leaks")
            await ask(watch, "send-repeat x 60000", "upload")
            await over(watch, "upload", stage="tls")
            await echoed(watch, 1, "words")
            await leave(watch, "words", status=1)
    assert watch.the("close", "upload")["transport"]["how"] == "reset"
    recorder.keep("owl-nginx-melody-box-resets-an-upload", watch)


async def a_router_resets_two(start: Starter, recorder: Recorder) -> None:
    """New rules on a router reset a chat and a till of one address, for good; its other address is well."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Vertx)
        chats = await begun(hosts.server, start, Axum)
        doors(hosts, server, chats)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                other={"url": f"ws://{OTHER}:{chats.port}/ws", "do": says(1.2, 14)},
                till={"url": f"stomp+ws://{SERVER}:{server.port}/stomp", "heart_beat": "1000,1000"},
                chat={"url": f"ws://{SERVER}:{chats.port}/ws", "do": says(0.9, 9)},
            )
            await echoed(watch, 3, "chat")
            hosts.router.wall(f"ip daddr {SERVER} tcp flags & syn == 0 reject with tcp reset", name="rules")
            await over(watch, "chat", "till")
            await echoed(watch, 1, "other")
            await leave(watch, "other", status=1)
    for name in ("chat", "till"):
        assert watch.the("close", name)["transport"]["how"] == "reset"
    recorder.keep("owl-vertx-axum-router-resets-one-address", watch)


async def a_route_is_a_blackhole(start: Starter, recorder: Recorder) -> None:
    """A route to the server leads nowhere: a till that beats and a chat; its other address has another way."""
    with routed() as hosts:
        hosts.be_patient(4)
        server = await begun(hosts.server, start, Vertx)
        chats = await begun(hosts.server, start, Tornado)
        doors(hosts, server, chats)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                other={"url": f"ws://{OTHER}:{chats.port}/", "do": says(2.2, 30)},
                till={"url": f"stomp+ws://{SERVER}:{server.port}/stomp", "heart_beat": "1000,1000"},
                chat={"url": f"ws://{SERVER}:{chats.port}/", "do": says(1.3, 9)},
            )
            await echoed(watch, 3, "chat")
            hosts.router.ip("route", "replace", "blackhole", f"{SERVER}/32")
            for session in ("till", "chat"):
                await within(watch, 30, "close", session)
            await over(watch, "chat", "till")
            await leave(watch, "other", status=1)
    recorder.keep("owl-vertx-tornado-route-is-a-blackhole", watch)


async def one_flow_goes_dark(start: Starter, recorder: Recorder) -> None:
    """One of several lines between two routers dies: what hashes to it is lost, the next connection is well."""
    with routed() as hosts:
        hosts.be_patient(4)
        server = await begun(hosts.server, start, Gobwas)
        doors(hosts, server)
        url = f"ws://{SERVER}:{server.port}/ws"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                lucky={"url": url, "do": says(1.9, 30)},
                unlucky={"url": url, "do": says(1.1, 6), "reconnect": True},
            )
            await echoed(watch, 3, "unlucky")
            port = watch.of("tcp", "unlucky")[0]["local"].rsplit(":", 1)[1]
            hosts.router.wall(f"tcp sport {port} drop", name="line_up")
            hosts.router.wall(f"tcp dport {port} drop", name="line_down")
            await within(watch, 30, "close", "unlucky")
            await seen(watch, "open", "unlucky", count=2)
            await echoed(watch, 1, "lucky")
            await leave(watch, "lucky", status=1)
    assert watch.of("end", "unlucky")[0]["how"] == "timeout"
    recorder.keep("owl-gobwas-one-of-the-lines-is-dead", watch)


async def the_line_loses(start: Starter, recorder: Recorder) -> None:
    """Some packets of a hundred, then two of three: our ping gives up on Coder. What goes elsewhere is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Coder)
        doors(hosts, server)
        feed: Table = {"url": f"ws://{SERVER}:{server.port}/ws", "ping_interval": 1.9, "ping_timeout": 4.4}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(2.9, 40)},
                feed=feed | {"close_timeout": 1.0, "do": says(0.9, 30)},
            )
            await echoed(watch, 2, "feed")
            lose(hosts, 30, SERVER)
            await echoed(watch, 3, "feed")
            lose_no_more(hosts)
            lose(hosts, 66, SERVER)
            await within(watch, 40, "close", "feed")
            lose_no_more(hosts)
            await over(watch, "feed")
            await leave(watch, "third", status=1)
    assert watch.the("close", "feed")["initiator"] == "local"
    assert max(line["total_retrans"] for line in watch.of("tcp_info", "feed")) > 1
    recorder.keep("owl-coder-line-loses-more-and-more", watch)


async def a_pong_stands_behind_an_upload(recorder: Recorder) -> None:
    """A camera's pictures fill a line of 6 kB a second, the server's ping is answered too late."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_python(ping_interval=2.2, ping_timeout=3.6)
        rate = ("rate", "48kbit", "burst", "2500", "limit", "900000")
        hosts.router.run("tc", "qdisc", "add", "dev", "wan", "root", "tbf", *rate)
        pictures = ["0.6 send begin", *(f"{1.5 + n * 0.8:.1f} send-repeat x 30000" for n in range(4))]
        camera: Table = {"url": f"ws://{SERVER}:8081/", "no_compression": True, "do": pictures}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(2.6, 40)}, camera=camera)
            await within(watch, 40, "close", "camera")
            await over(watch, "camera", patience=8)
            await leave(watch, "third", status=1)
    recorder.keep("owl-python-camera-fills-a-narrow-line", watch)


async def a_form_is_too_large(start: Starter, recorder: Recorder) -> None:
    """SockJS through a tunnel with a small MTU: a stream's small messages pass, and a large one vanishes."""
    with routed() as hosts:
        hosts.be_patient(4)
        page = await begun(hosts.server, start, SockJsNode, heartbeat_delay=2000)
        doors(hosts, page)
        hosts.router.wall(f"ip daddr {SERVER} meta length > 1100 drop", name="small")
        url = f"http://{SERVER}:{page.port}/echo"
        form = ["0.6 send name", "1.5 send street", "2.4 send-repeat x 6000"]
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                polls={"url": url, "sockjs_transport": "xhr-polling"},
                form={"url": url, "sockjs_transport": "websocket", "no_compression": True, "do": form},
            )
            await within(watch, 30, "close", "form")
            await over(watch, "form")
            await leave(watch, "polls", status=1)
    recorder.keep("owl-sockjs-node-form-too-large-for-the-way", watch)


async def test_the_adapter_goes_to_sleep(start: Starter, recorder: Recorder) -> None:
    """Power saving turns the network adapter off and, four seconds later, on: a till comes back. One is local."""
    with routed() as hosts:
        hosts.be_patient(3)
        at_home(hosts)
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        till: Table = {"url": f"stomp+ws://{SERVER}:{broker.port}", "heart_beat": "1900,1900", "reconnect": True} | ANNA
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, here={"url": HERE, "do": says(1.8, 30)}, till=till)
            await beaten(watch, 2, "till")
            hosts.client.ip("link", "set", "eth0", "down")
            await within(watch, 25, "close", "till")
            await asyncio.sleep(0.6)
            hosts.client.ip("link", "set", "eth0", "up")
            hosts.client.ip("route", "replace", "default", "via", INSIDE)
            await seen(watch, "stomp", "till", command="CONNECTED", count=2)
            await leave(watch, "here", status=1)
    recorder.keep("owl-artemis-adapter-goes-to-sleep", watch)


async def a_slow_link_is_well(start: Starter, recorder: Recorder) -> None:
    """By satellite at 90 kbit/s: STOMP with beats, a poller, and a chat that sends a picture. All are well."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        broker = await begun(hosts.server, start, Vertx)
        page = await begun(hosts.server, start, SockJsNode, heartbeat_delay=4000)
        server = await begun(hosts.server, start, Sanic)
        doors(hosts, broker, page, server)
        for device in ("wan", "lan"):
            rate = ("rate", "90kbit", "burst", "3000", "limit", "300000")
            hosts.router.run("tc", "qdisc", "add", "dev", device, "root", "tbf", *rate)
        hosts.weather(delay=0.28, jitter=0.1)
        chat: Table = {"url": f"ws://{SERVER}:{server.port}/", "ping_interval": 3.0, "ping_timeout": 9.0}
        chat |= {"no_compression": True, "do": ["0.8 send hello", "1.6 send-repeat x 12000", "3.9 send thanks"]}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                till={"url": f"stomp+ws://{SERVER}:{broker.port}/stomp", "heart_beat": "4000,4000"},
                page={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "xhr-polling"},
                chat=chat,
            )
            await within(watch, 20, "frame", "chat", dir="in", opcode=1)
            await echoed(watch, 2, "chat")
            await beaten(watch, 1, "till")
            await leave(watch, "till", "page", "chat", status=0)
    recorder.keep("owl-well-slow-link-by-satellite", watch)


async def test_resets_and_dark_lines(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Four networks at a time; most of the time is spent waiting."""
    runs = (a_router_resets_two, a_route_is_a_blackhole, one_flow_goes_dark)
    await side_by_side((*(run(start, recorder) for run in runs), a_box_resets_an_upload(start, certificate, recorder)))


async def test_poor_lines(start: Starter, recorder: Recorder) -> None:
    """Four networks at a time; most of the time is spent waiting."""
    runs = (the_line_loses, a_form_is_too_large, a_slow_link_is_well)
    await side_by_side((*(run(start, recorder) for run in runs), a_pong_stands_behind_an_upload(recorder)))


async def test_the_jump_host_ends(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """``ssh -J`` to a broker: the jump host's half is ended; both sessions in it end. Who needs no tunnel stays."""
    ssh = await asyncio.to_thread(start, SshTunnel, artemis.port, jump=True)
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            office=stomp(artemis.port, "1700,1700", ANNA),
            desk=stomp(ssh.port, "1500,1500", ANNA, do=says(0.8, 9, "stomp-send /topic/turns on")),
            board={"url": f"stomp+ws://{LOOPBACK}:{ssh.port}", "heart_beat": "1500,1500"} | ANNA,
        )
        await beaten(watch, 2, "board")
        ssh.signal_jump_host(signal.SIGTERM)
        await over(watch, "desk", "board")
        await leave(watch, "office", status=1)
    recorder.keep("owl-ssh-j-artemis-jump-host-ends", watch)


async def test_a_socks_tunnel_is_closed(start: Starter, recorder: Recorder) -> None:
    """The terminal with ``ssh -D`` is closed under two sessions with two servers; a third goes directly."""
    node, coder = start(NodeWs), start(Coder)
    ssh = await asyncio.to_thread(start, SshTunnel, node.port, way="-D")
    way: Table = {"proxy": f"socks5h://{LOOPBACK}:{ssh.port}"}
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            direct=ws(node.port, do=says(1.2, 7)),
            chat=ws(node.port, do=says(0.7, 7)) | way,
            feed=ws(coder.port, "/ws") | way,
        )
        await echoed(watch, 4, "chat")
        await asyncio.to_thread(ssh.kill_client, signal.SIGHUP)
        await over(watch, "chat", "feed")
        await open_session(watch, name="later", **ws(coder.port, "/ws", do=["0.3 send hello"]))
        await echoed(watch, 1, "later")
        await leave(watch, "direct", "later", status=1)
    recorder.keep("owl-ssh-d-terminal-closed-under-two", watch)
