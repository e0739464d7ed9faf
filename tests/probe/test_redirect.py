"""Redirects: reported, followed only when asked to, and never with what is secret to somebody else."""

from collections.abc import Callable

import pytest

from tests.probing import run
from tests.servers.scripted import Connection, ScriptedServer
from tests.serving import LOOPBACK, echo, serving
from tui.options.spec import SessionSpec
from tui.probe.redirect import NotFollowed, followed, location


def redirecting(where: Callable[[], str], status: int = 302) -> Callable[[Connection], None]:
    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(f"HTTP/1.1 {status} Moved\r\nLocation: {where()}\r\nContent-Length: 3\r\n\r\nxyz".encode())
        connection.read_to_end()

    return script


async def test_a_redirect_is_reported_and_not_followed() -> None:
    with ScriptedServer(redirecting(lambda: "https://elsewhere.example/ws?token=s3cret")) as server:
        watch, status = await run(server.url)
    answer, end = watch.the("http", dir="in"), watch.the("end")
    assert (status, answer["status"], answer["body"]) == (3, 302, "xyz")
    assert ["Location", "https://elsewhere.example/ws?token=***"] in answer["headers"]
    assert (end["how"], end["phase"], end.get("detail")) == ("http", "http", None)
    assert "--location" in watch.the("note")["text"]


async def test_location_follows_it_without_credentials_to_another_port() -> None:
    seen: list[dict[str, str]] = []

    def target(connection: Connection) -> None:
        seen.append(connection.read_request())
        connection.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    to_second = redirecting(lambda: f"http://{LOOPBACK}:{second.port}/there?x=1")
    with ScriptedServer(target) as second, ScriptedServer(to_second) as first:
        watch, status = await run(
            first.url, "--location", "-u", "ann:secret", "--cookie", "a=b", "-H", "X-Api-Key: k", "-H", "X-Plain: p"
        )
    assert status == 3
    (request,) = seen
    assert request[""] == "GET /there?x=1 HTTP/1.1" and request["x-plain"] == "p"
    assert not {"authorization", "cookie", "x-api-key"} & request.keys()
    assert [answer["status"] for answer in watch.of("http", dir="in")] == [302, 404]
    assert [tcp["remote"] for tcp in watch.of("tcp")] == [f"{LOOPBACK}:{one.port}" for one in (first, second)]
    assert {line["c"] for line in watch.of("http")} == {1}
    assert [note["key"] for note in watch.of("note")] == ["note.browser_headers"], "followed, so none of a redirect"


async def test_the_session_opens_where_it_was_led() -> None:
    async with serving(echo) as url:
        with ScriptedServer(redirecting(lambda: url.replace("ws://", "http://"), 307)) as server:
            watch, status = await run(server.url, "--location", "--do", "0 send hi", "--do", "0.1 close")
    assert status == 0
    assert watch.the("frame", dir="in", opcode=1)["text"] == "hi"
    assert watch.the("close")["clean"] is True


async def test_a_loop_ends() -> None:
    count = 0

    def script(connection: Connection) -> None:
        nonlocal count
        count += 1
        redirecting(lambda: "/again")(connection)

    with ScriptedServer(script) as server:
        watch, status = await run(server.url, "--location")
    end = watch.the("end")
    assert (status, count) == (3, 21)
    assert (end["how"], end["phase"], end["detail"]) == ("http", "http", "redirected more than 20 times")


async def test_a_sockjs_session_is_not_redirected() -> None:
    with ScriptedServer(redirecting(lambda: "/elsewhere")) as server:
        watch, status = await run(server.url.replace("ws:", "http:") + "app", "--location")
    assert status == 3
    assert [answer["status"] for answer in watch.of("http", dir="in")] == [302]
    assert "new base URL" in watch.the("note", key="note.redirect_of_sockjs")["text"]


async def test_a_redirect_to_no_session() -> None:
    with ScriptedServer(redirecting(lambda: "ftp://files.example/")) as server:
        watch, _ = await run(server.url, "--location")
    assert "ftp" in watch.the("end")["detail"]


@pytest.mark.parametrize(
    ("url", "said", "to"),
    [
        ("ws://h/a/b?c", "d", "ws://h/a/d"),
        ("stomp+wss://u:p@h/a", "/d?e#f", "stomp+wss://u:p@h/d?e"),
        ("ws://h/", "https://h/x", "wss://h/x"),
        ("stomp+ws://h/", "wss://k/x", "stomp+wss://k/x"),
        ("ws://u:p@h/", "//v:q@k:1/x", "ws://k:1/x"),
        ("ws://h/", "http://h:80", "ws://h:80"),
    ],
)
def test_where_a_location_leads(url: str, said: str, to: str) -> None:
    assert followed(SessionSpec(url=url), said, 1).url == to


@pytest.mark.parametrize(
    ("said", "kept"),
    [("/x", True), ("wss://h/x", True), ("ws://h:443/x", False), ("wss://h:1/x", False), ("wss://k/x", False)],
)
def test_only_the_same_scheme_host_and_port_get_what_is_secret(said: str, kept: bool) -> None:
    spec = SessionSpec(
        url="stomp+wss://h/", user="a:b", cookie=["c=d"], header=["Authorization: x", "X: y"], cert="f", key="g",
        passcode="p", login="l", connect_header=["token: t", "z: z"], connect_to="i:1", servername="n",
    )  # fmt: skip
    after = followed(spec, said, 1)
    if kept:
        assert after == SessionSpec(**{**{f: getattr(spec, f) for f in spec.__struct_fields__}, "url": after.url})
    else:
        assert after.table().keys() == {"url", "name", "header", "connect-header"}
        assert (after.header, after.connect_header) == (["X: y"], ["z: z"])


def test_what_is_a_redirect() -> None:
    assert location(302, [("LOCATION", "x")]) == "x"
    assert location(304, [("Location", "x")]) is None and location(302, []) is None and location(None, []) is None
    with pytest.raises(NotFollowed):
        followed(SessionSpec(url="ws://h/"), "http://[", 1)
