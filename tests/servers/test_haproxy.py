"""What a real HAProxy does to sessions that say nothing, and what ``watch`` says of it."""

import re

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Line

pytestmark = pytest.mark.real

TUNNEL = 1.0


def assert_dropped_idle(close: Line, after: float) -> None:
    """HAProxy counts bytes in both directions, ends with a bare FIN and says nothing."""
    assert (close["code"], close["synthetic"], close["received"], close["sent"]) == (1006, True, None, None)
    assert (close["initiator"], close["clean"], close["transport"]["how"]) == ("remote", False, "fin")
    assert after - 0.1 <= close["idle_any"] <= after + 0.5


async def test_a_tunnel_that_says_nothing(echo_port: int, start: Starter, recorder: Recorder) -> None:
    haproxy = start(HaProxy, echo_port, tunnel=TUNNEL)
    watch, status = await run(f"ws://{LOOPBACK}:{haproxy.port}/", "--do", "0.3 send hello")
    assert status == 1
    close = watch.the("close")
    assert_dropped_idle(close, TUNNEL)
    assert close["age"] > TUNNEL + 0.25
    assert re.search(r" 101 .* cD-- ", haproxy.log)
    recorder.keep("haproxy-idle-tunnel", watch)


async def test_without_a_tunnel_timeout_the_client_timeout_holds(echo_port: int, start: Starter) -> None:
    haproxy = start(HaProxy, echo_port, client=TUNNEL)
    watch, status = await run(f"ws://{LOOPBACK}:{haproxy.port}/")
    assert status == 1
    assert_dropped_idle(watch.the("close"), TUNNEL)


async def test_a_tunnel_with_tls_ends_with_close_notify(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    haproxy = start(HaProxy, echo_port, tunnel=TUNNEL, certificate=certificate)
    watch, status = await run(f"wss://localhost:{haproxy.port}/", "--cacert", str(certificate.ca))
    assert status == 1
    close = watch.the("close")
    assert_dropped_idle(close, TUNNEL)
    assert close["transport"]["close_notify"]["in"] is True
    recorder.keep("haproxy-idle-tls", watch)


async def test_pings_keep_a_tunnel_alive(echo_port: int, start: Starter) -> None:
    haproxy = start(HaProxy, echo_port, tunnel=TUNNEL)
    url = f"ws://{LOOPBACK}:{haproxy.port}/"
    watch, status = await run(url, "--ping-interval", "0.5", "--duration", str(2 * TUNNEL + 0.5))
    assert status == 0
    assert (watch.the("close")["initiator"], watch.the("close")["asked"]) == ("local", True)


async def test_an_administrator_ends_all_sessions_at_once(echo_port: int, start: Starter, recorder: Recorder) -> None:
    haproxy = start(HaProxy, echo_port)
    async with probing(f"ws://{LOOPBACK}:{haproxy.port}/", "-n", "2", "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        for name in ("A1", "A2"):
            await ask(watch, "send hello", name)
            await seen(watch, "frame", name, dir="in", text="hello")
        haproxy.say("shutdown sessions server back/1")
        await seen(watch, "close", count=2)
        await seen(watch, "postmortem", stage="tcp", count=2)
        assert await watch.finish() == 1
    first, second = watch.of("end")
    assert (first["how"], second["how"]) == ("fin", "fin")
    assert second["m"] - first["m"] < 0.5
    recorder.keep("haproxy-shutdown-sessions", watch)


async def test_nobody_behind_it(start: Starter, recorder: Recorder) -> None:
    haproxy = start(HaProxy, 1)
    watch, status = await run(f"ws://{LOOPBACK}:{haproxy.port}/", "--open-timeout", "20")
    assert status == 3
    assert watch.the("http", dir="in")["status"] == 503
    assert (watch.the("end")["how"], watch.the("end")["phase"]) == ("http", "http")
    recorder.keep("haproxy-503", watch)


async def test_backends_that_do_not_know_of_each_others_sessions(
    sockjs_node: SockJsNode, start: Starter, recorder: Recorder
) -> None:
    """Without stickiness the second poll meets another server, and that one begins a session of its own."""
    other = start(SockJsNode)
    haproxy = start(HaProxy, sockjs_node.port, other.port)
    watch, status = await run(f"http://{LOOPBACK}:{haproxy.port}/echo", "--sockjs-transport", "xhr-polling")
    assert status == 1
    assert len(watch.of("sockjs", kind="o")) == 2
    assert watch.the("close")["app_view"] == {"code": 1006, "reason": "Server lost session", "wasClean": False}
    recorder.keep("haproxy-not-sticky", watch)
