"""What sockjs-node, the reference server, does to its clients, and what ``watch`` says of it."""

import asyncio

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.transports import over_all_transports

pytestmark = pytest.mark.real


@over_all_transports
async def test_messages_come_back(sockjs_node: SockJsNode, recorder: Recorder, transport: str) -> None:
    async with probing(sockjs_node.url, "--sockjs-transport", transport, "--stdin") as watch:
        await seen(watch, "sockjs", kind="o")
        await ask(watch, r"send a\nb: 你好")
        await seen(watch, "sockjs", kind="a", dir="in", messages=["a\nb: 你好"])
        if transport == "websocket":
            await seen(watch, "frame", opcode=9, dir="in")  # its keep-alive there is a ping, and no h
        else:
            await seen(watch, "sockjs", kind="h", dir="in")
        await watch.command("quit")
        assert await watch.finish() == 0
    assert [line["name"] for line in watch.of("transport")] == [transport]
    assert bool(watch.of("sockjs", kind="h")) is (transport != "websocket")
    recorder.keep(f"sockjs-node-{transport}", watch)


@over_all_transports
async def test_go_away(sockjs_node: SockJsNode, recorder: Recorder, transport: str) -> None:
    watch, status = await run(sockjs_node.url, "--sockjs-transport", transport, "--do", "0.1 send close 3000 Go away!")
    assert status == 1
    frame, close = watch.the("sockjs", kind="c"), watch.the("close")
    assert (frame["code"], frame["reason"]) == (3000, "Go away!")
    assert (close["code"], close["reason"], close["initiator"]) == (3000, "Go away!", "remote")
    assert close["sockjs"] == {"code": 3000, "reason": "Go away!"}
    # The Close below it is of another mind.
    assert close["received"] == ({"code": 1000, "reason": "Normal closure"} if transport == "websocket" else None)
    recorder.keep(f"sockjs-node-{transport}-go-away", watch)


@pytest.mark.extra
async def test_no_pong_for_ten_seconds(sockjs_node: SockJsNode, recorder: Recorder) -> None:
    """Whether pongs are held, or the client does nothing for that long (one of two sessions)."""
    held, frozen = await asyncio.gather(
        run(sockjs_node.url, "--sockjs-transport", "websocket", "--do", "0 hold-pongs"),
        run(
            f"frozen={sockjs_node.url}", f"well={sockjs_node.url}", "--sockjs-transport", "websocket",
            "--do", "0.5 frozen: freeze 11.5", "--duration", "12.5",
        ),
    )  # fmt: skip
    for (watch, status), session in ((held, "A"), (frozen, "frozen")):
        assert status == 1
        close = watch.the("close", session)
        assert (close["code"], close["reason"]) == (3000, "No response from heartbeat")
        assert close["received"] == {"code": 1000, "reason": "Normal closure"}
    watch, _ = held
    first = watch.of("frame", opcode=9, dir="in")[0]
    assert watch.the("sockjs", kind="c")["m"] - first["m"] == pytest.approx(10, abs=0.3)
    recorder.keep("sockjs-node-no-pong", watch)
    recorder.keep("sockjs-node-frozen-client", frozen[0])


async def test_broken_framing(sockjs_node: SockJsNode, recorder: Recorder) -> None:
    watch, status = await run(sockjs_node.url, "--sockjs-transport", "websocket", "--do", "0.1 send-raw [oops")
    assert status == 1
    close = watch.the("close")
    assert not watch.of("sockjs", kind="c")
    assert (close["code"], close["reason"], close["initiator"]) == (3000, "Broken framing.", "remote")
    recorder.keep("sockjs-node-broken-framing", watch)


async def test_another_connection_still_open(sockjs_node: SockJsNode, recorder: Recorder) -> None:
    words = ("--sockjs-transport", "xhr-streaming", "--sockjs-session", "007/same", "--stdin")
    async with probing(f"first={sockjs_node.url}", f"second={sockjs_node.url}", *words, "--stagger", "0.5") as watch:
        await seen(watch, "sockjs", "first", kind="o")
        await seen(watch, "close", "second")
        await watch.command("quit")
        await watch.finish()
    frame = watch.the("sockjs", "second", kind="c")
    assert (frame["code"], frame["reason"]) == (2010, "Another connection still open")
    recorder.keep("sockjs-node-2010", watch)


async def test_a_poll_that_comes_too_late_finds_another_session(sockjs_node: SockJsNode, recorder: Recorder) -> None:
    watch, status = await run(sockjs_node.url, "--sockjs-transport", "xhr-polling", "--do", "0.2 pause-polling 2.5")
    assert status == 1
    close = watch.the("close")
    assert len(watch.of("sockjs", kind="o")) == 2
    assert close["app_view"] == {"code": 1006, "reason": "Server lost session", "wasClean": False}
    recorder.keep("sockjs-node-lost-session", watch)


async def test_a_proxy_that_makes_no_upgrade(sockjs_node: SockJsNode, start: Starter, recorder: Recorder) -> None:
    nginx = start(Nginx, sockjs_node.port, upgrades=False)
    url = f"http://{LOOPBACK}:{nginx.port}/echo"
    async with probing(url, "--sockjs-transport", "auto", "--stdin") as watch:
        await seen(watch, "sockjs", kind="o")
        await ask(watch, "send hello")
        await seen(watch, "sockjs", kind="a", dir="in", messages=["hello"])
        await watch.command("quit")
        assert await watch.finish() == 0
    tried = [(line["name"], line.get("status")) for line in watch.of("transport")]
    assert tried == [("websocket", None), ("xhr-streaming", 400)]
    recorder.keep("sockjs-node-proxy-strips-upgrade", watch)


async def test_through_nginx_with_tls_and_upgrade(
    sockjs_node: SockJsNode, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    nginx = start(Nginx, sockjs_node.port, certificate=certificate)
    url = f"https://localhost:{nginx.port}/echo"
    async with probing(url, "--sockjs-transport", "auto", "--cacert", str(certificate.ca), "--stdin") as watch:
        await seen(watch, "sockjs", kind="o")
        await ask(watch, "send hello")
        await seen(watch, "sockjs", kind="a", dir="in", messages=["hello"])
        await watch.command("quit")
        assert await watch.finish() == 0
    assert [line["name"] for line in watch.of("transport")] == ["websocket"]
    recorder.keep("sockjs-node-nginx-tls", watch)
