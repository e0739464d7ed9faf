"""Ends that a server means, met through the doors people have: HAProxy, stunnel, nginx with TLS, ssh."""

import asyncio
import os
import signal

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import says, staged, stomp, stomps, ws, wss
from tests.servers.endings import assert_said
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.looks import every, watched
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings
from tests.servers.python import PythonEndings
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring, sessions
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_an_export_is_complete(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A server that says 1000 once all rows are out, behind HAProxy with TLS."""

    async def export(_: str, client: ServerConnection, message: str | bytes) -> None:
        if message != "export":
            await client.send(message)
            return
        for row in range(5):
            await client.send(f"row {row}")
            await asyncio.sleep(0.6)
        await client.close(1000, "export complete")

    async with house(export, ping_interval=None) as app:
        front = start(HaProxy, app.port, tunnel=20, certificate=certificate)
        base = wss(front.port, certificate)
        watch = await staged(
            {
                "export": base | {"url": f"{base['url']}?user=export", "do": ["0.4 send export"]},
            },
            "export",
        )
    assert_said(watch.the("close", "export"), 1000, "export complete")
    recorder.keep("clock-haproxy-export-complete", watch)


async def test_a_clerk_goes_home(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """DISCONNECT through stunnel, answered by a RECEIPT; the boss stays connected, direct."""
    tunnel = start(Stunnel, activemq.port, certificate)
    notes = ["0.8 stomp-send /queue/notes till counted", "2.3 stomp-send /queue/notes lights off", "3.4 disconnect"]
    watch = await staged(
        {
            "boss": stomp(activemq.port, "2300,2300", CREW, subscribe=["/queue/notes"]),
            "clerk": stomps(tunnel.port, "1700,2900", certificate, CREW, do=notes),
        },
        "clerk",
        status=0,
    )
    assert watch.the("close", "clerk")["asked"] is True
    assert len(watch.of("stomp", "boss", command="MESSAGE")) == 2
    recorder.keep("clock-stunnel-clerk-disconnects", watch)


async def test_a_dealer_closes_a_table(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A code of the application's own for one of two who play, behind stunnel."""
    async with house(ping_interval=4) as app:
        front = start(Stunnel, app.port, certificate)
        base = wss(front.port, certificate)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "anna", dir="in", opcode=1, count=4)
            await app.clients["anna"].close(4200, "table closed by dealer")

        watch = await staged(
            {
                "anna": base | {"url": f"{base['url']}?user=anna", "do": says(0.7, 5, "send bet 5")},
                "bert": base | {"url": f"{base['url']}?user=bert", "do": says(0.9, 5, "send bet 10")},
            },
            "anna",
            strike=strike,
        )
    assert_said(watch.the("close", "anna"), 4200, "table closed by dealer")
    recorder.keep("clock-stunnel-table-closed-4200", watch)


async def test_an_auction_is_over(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Spring ends a lone poller with a code of the application's own, through nginx with TLS."""
    spring = start(Spring, heart_beat="2600,2600")
    proxy = start(Nginx, spring.port, 30, certificate)
    end = r"stomp-frame SEND\ndestination:/app/close/3777/auction over\n\n\0"
    words = [*sessions(proxy.port, "xhr-polling", "A", tls=True), "--cacert", str(certificate.ca)]
    words += ["--heart-beat", "2600,2600", "--subscribe", "/topic/bids"]
    words += [*every(0.8, "stomp-send /topic/bids 17", 3), "--do", f"3.7 {end}"]
    watch = await watched(words, ("A",))
    assert watch.the("close")["sockjs"] == {"code": 3777, "reason": "auction over"}
    recorder.keep("clock-nginx-auction-over-3777", watch)


async def test_a_new_version_rolls_out(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Node says goodbye to a busy and an idle session behind nginx with TLS; who is on the next node goes on."""
    old, new = start(NodeEndings), start(NodeEndings)
    first, second = (start(Nginx, server.port, 40, certificate) for server in (old, new))

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "next", dir="in", opcode=1, count=3)
        os.kill(old.pid, signal.SIGTERM)

    watch = await staged(
        {
            "idle": wss(first.port, certificate, ping_interval=2.2),
            "busy": wss(first.port, certificate, do=says(0.7, 6)),
            "next": wss(second.port, certificate, do=says(1.1, 6)),
        },
        "idle",
        "busy",
        strike=strike,
        ok=False,
    )
    for name in ("idle", "busy"):
        assert_said(watch.the("close", name), 1001, "shutting down")
    recorder.keep("clock-nginx-rolling-stop-1001", watch)


async def test_a_planned_stop_behind_ssh(start: Starter, recorder: Recorder) -> None:
    """Who has just spoken and who has been quiet for a while are told 1001 at one moment; nobody comes back."""
    server = start(PythonEndings, ping_interval=None)
    tunnel = start(SshTunnel, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "talks", dir="in", opcode=1, count=7)
        os.kill(server.pid, signal.SIGTERM)

    watch = await staged(
        {"quiet": ws(tunnel.port, do=["0.3 send hello"]), "talks": ws(tunnel.port, do=says(0.6, 6))},
        "quiet",
        "talks",
        strike=strike,
        ok=False,
    )
    assert {line["code"] for line in watch.of("close")} == {1001}
    recorder.keep("clock-ssh-planned-stop-1001", watch)
