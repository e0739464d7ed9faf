"""The opening handshake: what is asked, and every answer that is no WebSocket."""

import base64

import pytest
from websockets.utils import accept_key

from tests.probing import run
from tests.servers import scripts
from tests.servers.scripted import Connection, ScriptedServer

WRONG_KEY = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: bm90IHlvdXIga2V5\r\n\r\n"
)


async def test_what_is_asked() -> None:
    asked: list[dict[str, str]] = []

    def listen(connection: Connection) -> None:
        asked.append(connection.read_request())

    with ScriptedServer(listen) as server:
        target = server.url + "a%20b?c=你"
        await run(
            target, "-H", "X-One: 1", "-H", "X-One: 2", "-H", "Host: other.example", "--origin", "http://page.example",
            "--cookie", "a=1", "--cookie", "b=2", "--subprotocol", "one", "--subprotocol", "two", "-u", "me:pa:ss",
            "--no-redact",
        )  # fmt: skip
        await run(server.url.replace("ws://", "stomp+ws://you:pw@"), "--no-compression")
    full, stomp = asked
    assert full[""] == "GET /a%20b?c=%E4%BD%A0 HTTP/1.1"
    assert (full["host"], full["x-one"], full["origin"]) == ("other.example", "2", "http://page.example")
    assert (full["cookie"], full["sec-websocket-protocol"]) == ("a=1; b=2", "one, two")
    assert base64.b64decode(full["authorization"].removeprefix("Basic ")) == b"me:pa:ss"
    assert full["sec-websocket-extensions"].startswith("permessage-deflate")
    assert full["user-agent"].startswith("whoops/") and full["sec-websocket-version"] == "13"
    assert stomp["sec-websocket-protocol"] == "v12.stomp, v11.stomp, v10.stomp"
    assert "sec-websocket-extensions" not in stomp and "origin" not in stomp
    assert base64.b64decode(stomp["authorization"].removeprefix("Basic ")) == b"you:pw"
    assert stomp["host"] == f"127.0.0.1:{server.port}"


async def test_the_fact_of_the_request_holds_every_header_as_sent() -> None:
    with ScriptedServer(scripts.says(b"")) as server:
        watch, _ = await run(server.url, "-H", "X-One: 1", "-H", "X-One: 2")
    headers = watch.the("http", dir="out")["headers"]
    assert [value for name, value in headers if name == "X-One"] == ["1", "2"]


async def test_a_403_with_its_body() -> None:
    answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\nX-Twice: a\r\nX-Twice: b\r\nServer: s\r\n\r\nno entry\n"
    with ScriptedServer(scripts.says(answer)) as server:
        watch, status = await run(server.url)
    http, end, close = watch.the("http", dir="in"), watch.the("end"), watch.the("close")
    assert (status, http["status"], http["phrase"], http["body"]) == (3, 403, "Forbidden", "no entry\n")
    assert [pair for pair in http["headers"] if pair[0] == "X-Twice"] == [["X-Twice", "a"], ["X-Twice", "b"]]
    assert (end["how"], end["phase"], end["undecoded"]) == ("http", "http", 0)
    assert (close["initiator"], close["code"], close["age"], close["app_view"]["code"]) == ("remote", 1006, None, 1006)


@pytest.mark.parametrize(
    ("answer", "kept", "cut"),
    [
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000, 4096, True),
        (b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 5, False),
        (b"HTTP/1.1 500 Oops\r\n\r\nuntil the end", 13, False),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nfewer", 5, False),
    ],
    ids=["long", "chunked", "until-fin", "cut-off"],
)
async def test_the_body_of_a_refusal(answer: bytes, kept: int, cut: bool) -> None:
    with ScriptedServer(scripts.says(answer)) as server:
        watch, status = await run(server.url)
    http = watch.the("http", dir="in")
    assert (status, http["status"], len(http["body"]), http.get("cut", False)) == (3, 500, kept, cut)
    assert watch.the("end")["how"] == "http"


@pytest.mark.parametrize(
    ("answer", "how", "said"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "http", "no HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgr", "http", "closed connection"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: web\0socket\r\n\r\n", "http", "illegal header line"),
        (WRONG_KEY, "handshake", "Accept"),
        (WRONG_KEY.replace(b"Upgrade: websocket\r\n", b""), "handshake", "Upgrade"),
    ],
    ids=["no-http", "half-a-head", "a-nul-in-a-header", "wrong-accept-key", "no-upgrade-header"],
)
async def test_an_answer_that_is_no_websocket(answer: bytes, how: str, said: str) -> None:
    with ScriptedServer(scripts.says(answer)) as server:
        watch, status = await run(server.url)
    end = watch.the("end")
    assert (status, end["how"], end["phase"]) == (3, how, "http")
    assert said in end["detail"]
    assert watch.the("close")["initiator"] == ("local" if how == "handshake" else "remote")


@pytest.mark.parametrize(
    "extra",
    ["Sec-WebSocket-Protocol: never-offered\r\n", "Sec-WebSocket-Extensions: x-unknown\r\n"],
    ids=["subprotocol", "extension"],
)
async def test_a_101_that_agrees_to_what_was_not_offered(extra: str) -> None:
    def script(connection: Connection) -> None:
        connection.upgrade(extra=extra)
        connection.read_to_end()

    with ScriptedServer(script) as server:
        watch, status = await run(server.url)
    end = watch.the("end")
    assert (status, end["how"], end["phase"]) == (3, "handshake", "http") and end["detail"]
    assert watch.the("http", dir="in")["status"] == 101 and not watch.of("open")


async def test_frames_right_behind_the_101_are_not_lost() -> None:
    def script(connection: Connection) -> None:
        key = accept_key(connection.read_request()["sec-websocket-key"])
        head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += f"Sec-WebSocket-Accept: {key}\r\n\r\n"
        connection.send(head.encode() + b"\x81\x02hi\x88\x02\x03\xe8")
        connection.receive_close()

    with ScriptedServer(script) as server:
        watch, _ = await run(server.url)
    assert watch.of("frame", dir="in")[0]["text"] == "hi"
    assert watch.the("close")["received"] == {"code": 1000, "reason": ""}


async def test_a_server_that_says_nothing_at_all() -> None:
    with ScriptedServer(Connection.hold) as server:
        watch, status = await run(server.url, "--open-timeout", "0.4")
    end, close = watch.the("end"), watch.the("close")
    assert (status, end["how"], end["phase"], end["detail"]) == (3, "timeout", "http", "open-timeout")
    assert (close["initiator"], close["age"]) == ("local", None)


async def test_a_server_that_upgrades_and_never_says_connected() -> None:
    with ScriptedServer(scripts.answering(b"")) as server:
        watch, status = await run(f"stomp+{server.url}", "--open-timeout", "0.4")
    end = watch.the("end")
    assert (status, end["how"], end["phase"], end["detail"]) == (3, "timeout", "open", "open-timeout")
