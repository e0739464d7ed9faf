"""SockJS over XHR where the server ends a connection it had kept for another request, as Vert.x 4 does after every
poll, without ``Connection: close``: nothing of the session is lost by that (RFC 9112 §9.3.1)."""

import threading

import pytest

from tests.probing import run
from tests.servers.scripted import Connection, ScriptedServer
from tests.watching import Watch

INFO = b'{"websocket":false,"cookie_needed":false,"origins":["*:*"],"entropy":1}'


class OncePerConnection:
    """Answers the first request of each connection and ends it upon the next, by FIN or by RST."""

    def __init__(self, polls: list[bytes], *, reset: bool = False, says: bytes = b"") -> None:
        self._polls = iter(polls)
        self._reset = reset
        self._says = says
        self._lock = threading.Lock()
        self.sends = 0

    def __call__(self, connection: Connection) -> None:
        self._answer(connection, connection.read_request()[""])
        connection.read_request()
        if self._reset:
            connection.reset()

    def _answer(self, connection: Connection, request: str) -> None:
        with self._lock:
            if request.startswith("GET"):
                body, status = INFO, b"200 OK"
            elif "/xhr_send" in request:
                self.sends += 1
                body, status = b"", b"204 No Content"
            else:
                body, status = next(self._polls), b"200 OK"
        connection.send(b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, self._says, len(body), body))


async def polled(server: ScriptedServer, *words: str) -> tuple[Watch, int]:
    """A session by xhr-polling, to its end."""
    return await run(server.url.replace("ws://", "http://"), "--sockjs-transport", "xhr-polling", *words)


@pytest.mark.parametrize("reset", [False, True])
async def test_a_poll_is_asked_again_on_a_new_connection(reset: bool) -> None:
    with ScriptedServer(OncePerConnection([b"o\n", b'a["hi"]\n', b'c[3000,"Go away!"]\n'], reset=reset)) as server:
        watch, _ = await polled(server)
    assert [line["text"] for line in watch.of("bytes", dir="in")][:2] == ["o\n", 'a["hi"]\n']
    close = watch.the("close")
    assert (close["code"], close["reason"]) == (3000, "Go away!")
    polls = [line for line in watch.of("http", dir="out") if (line["target"] or "").endswith("/xhr")]
    assert len(polls) == 5  # two of the three had to be asked twice


async def test_a_server_may_keep_no_connection_and_say_so() -> None:
    """nginx with ``keepalive_timeout 0``: the connection is closed before what came on it is made anything of."""
    once = OncePerConnection([b"o\n", b'a["hi"]\n', b'c[3000,"Go away!"]\n'], says=b"Connection: close\r\n")
    with ScriptedServer(once) as server:
        watch, _ = await polled(server)
    assert [line["text"] for line in watch.of("bytes", dir="in")][:2] == ["o\n", 'a["hi"]\n']
    assert watch.the("close")["code"] == 3000


async def test_a_new_connection_that_ends_without_an_answer_ends_the_session() -> None:
    def mute(connection: Connection) -> None:
        if connection.read_request()[""].startswith("GET"):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(INFO), INFO))
            connection.read_to_end()

    with ScriptedServer(mute) as server:
        watch, status = await polled(server)
    assert (status, watch.the("end")["how"], watch.the("end")["detail"]) == (3, "fin", "sockjs-receive")
