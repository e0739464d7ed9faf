"""Clients that do not answer pings, or too late: what servers with a keepalive do to them."""

import pytest

from tests.probing import probing, run, seen
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.python import PythonWs
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.together import together

pytestmark = pytest.mark.real


async def one_of_two_holds_its_pongs(start: Starter, take: Take, recorder: Recorder) -> None:
    node = start(NodeWs, pingEvery=take.one_of(500, 700, 1000))
    python = start(PythonWs, ping_interval=take.between(0.5, 1.2), ping_timeout=take.between(0.5, 1.5))

    async def holds(name: str, url: str, code: int) -> None:
        async with probing(f"mute={url}", f"well={url}", "--stdin", "--do", "1.2 mute: hold-pongs") as watch:
            await seen(watch, "close", "mute")
            pings = len(watch.of("frame", "well", opcode=9, dir="in"))
            await seen(watch, "frame", "well", opcode=9, dir="in", count=pings + 1)
            await watch.command("quit")
            assert await watch.finish() == 1
        close = watch.the("close", "mute")
        assert (close["code"], close["initiator"]) == (code, "remote")
        assert watch.the("close", "well")["asked"] is True
        recorder.keep(take.of(f"{name}-one-holds-its-pongs"), watch)

    await together((holds("node-ws", node.url, 1006), holds("python-ws", python.url, 1011)))


async def clients_that_do_nothing_for_a_while(start: Starter, take: Take, recorder: Recorder) -> None:
    """Both sessions of the client, one after the other or at once."""
    node = start(NodeWs, pingEvery=take.one_of(400, 500, 600))
    python = start(PythonWs, ping_interval=0.5, ping_timeout=take.between(0.5, 1))

    async def freezes(name: str, url: str, code: int, later: float, pause: float) -> None:
        words = ("--do", f"0.7 A1: freeze {pause}", "--do", f"{0.7 + later} A2: freeze {pause}")
        watch, status = await run(url, "-n", "2", *words)
        assert status == 1
        for session in ("A1", "A2"):
            close = watch.the("close", session)
            assert (close["code"], close["initiator"]) == (code, "remote")
        recorder.keep(take.of(f"{name}-frozen-clients"), watch)

    later, pause = take.one_of(0, 0.6), take.between(2.5, 3.5)
    await together(
        (freezes("node-ws", node.url, 1006, later, pause), freezes("python-ws", python.url, 1011, later, pause))
    )


async def behind_tls_and_a_proxy(start: Starter, certificate: Certificate, take: Take, recorder: Recorder) -> None:
    python = start(PythonWs, ping_interval=take.between(0.4, 0.8), ping_timeout=take.between(0.6, 1.2))
    haproxy = start(HaProxy, python.port, certificate=certificate)
    url = f"wss://localhost:{haproxy.port}/"
    watch, status = await run(url, "--cacert", str(certificate.ca), "--do", f"{take.between(0.1, 0.9)} hold-pongs")
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["reason"], close["initiator"]) == (1011, "keepalive ping timeout", "remote")
    recorder.keep(take.of("python-ws-haproxy-tls-no-pong"), watch)


async def late_but_tolerated_pongs(start: Starter, take: Take, recorder: Recorder) -> None:
    """A client that does nothing for less than the timeout answers all pings when it is back."""
    python = start(PythonWs, ping_interval=0.5, ping_timeout=3)
    words = ("--do", f"0.6 freeze {take.between(1, 1.6)}", "--duration", "3")
    watch, status = await run(python.url, *words)
    assert status == 0
    pings, pongs = len(watch.of("frame", opcode=9, dir="in")), len(watch.of("frame", opcode=10, dir="out"))
    assert 0 <= pings - pongs <= 1 < pings  # the last may come when we are leaving
    recorder.keep(take.of("python-ws-tolerated-pongs"), watch)


@pytest.mark.extra
async def test_all_at_once(start: Starter, certificate: Certificate, take: Take, recorder: Recorder) -> None:
    await together(
        (
            one_of_two_holds_its_pongs(start, take, recorder),
            clients_that_do_nothing_for_a_while(start, take, recorder),
            behind_tls_and_a_proxy(start, certificate, take, recorder),
            late_but_tolerated_pongs(start, take, recorder),
        )
    )
