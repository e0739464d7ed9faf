"""The look after an unexplained drop: to the same origin, no further than it must, and to a control host."""

import asyncio
import socket
from typing import Any

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers import scripts
from tests.servers.ports import free_ports
from tests.servers.scripted import Connection, ScriptedServer, switching
from tests.serving import LOOPBACK
from tests.watching import POSTMORTEM, Line, Watch
from tui.facts import facts
from tui.options.spec import SessionSpec
from tui.probe import postmortem
from tui.probe.listener import Peer
from tui.probe.postmortem import Wanted, examine


def way(watch: Watch) -> list[Line]:
    """The stages that lead to the origin; the one about its process is there if the session lived long enough."""
    return [fact for fact in watch.of("postmortem") if fact["stage"] != "program"]


async def test_an_origin_that_still_answers() -> None:
    with ScriptedServer(scripts.drops(scripts.truncated)) as server:
        watch, status = await run(server.url, **POSTMORTEM)
    assert status == 1
    stages = [(fact["stage"], fact["ok"], fact.get("status")) for fact in way(watch)]
    assert stages == [("tcp", True, None), ("http", True, 101)]
    assert watch.the("tcp", role="postmortem")["remote"] == f"{LOOPBACK}:{server.port}"
    after_end = [line["type"] for line in watch.lines[watch.lines.index(watch.the("close")) :]]
    assert after_end[:2] == ["close", "verdict"]


async def test_nobody_listens_any_more() -> None:
    listener = socket.create_server((LOOPBACK, 0))
    port = listener.getsockname()[1]

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        peer, _ = await loop.sock_accept(listener)
        listener.close()
        await loop.sock_recv(peer, 4096)
        peer.close()

    serving = asyncio.ensure_future(serve())
    async with probing(
        f"stomp://{LOOPBACK}:{port}", "--no-stomp-connect", "--do", "0 send-raw x", **POSTMORTEM
    ) as watch:
        status = await watch.finish()
    await serving
    assert status == 1
    [stage] = way(watch)
    assert (stage["stage"], stage["ok"], stage["how"]) == ("tcp", False, "refused")


def test_an_outbound_proxy_that_accepts_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postmortem, "LIMIT_S", 0.3)
    found: list[tuple[str, str]] = []

    def write(kind: type[facts.Fact], **fields: str) -> None:
        if kind is facts.Postmortem:
            found.append((fields["stage"], fields["how"]))

    with socket.create_server((LOOPBACK, 0)) as proxy:
        spec = SessionSpec(name="A", url="ws://192.0.2.1/", proxy=f"http://{LOOPBACK}:{proxy.getsockname()[1]}")
        asyncio.run(examine(spec, Wanted(alone=lambda: True, credentials=False, control=None), write))
    assert found == [("proxy", "timeout")]


@pytest.mark.parametrize("full", [False, True])
async def test_credentials_stay_at_home_unless_asked_for(full: bool) -> None:
    asked: list[dict[str, str]] = []

    def drop(connection: Connection) -> None:
        asked.append(connection.read_request())
        connection.send((switching(asked[-1]) + "\r\n").encode())
        scripts.truncated(connection)

    with ScriptedServer(drop) as server:
        more = ("--postmortem", "full") if full else ()
        await run(server.url, "-u", "me:secret", "--cookie", "a=b", "-H", "X-Plain: yes", *more, **POSTMORTEM)
    first, second = asked
    assert first.keys() >= {"authorization", "cookie", "x-plain"}
    assert ("authorization" in second, "cookie" in second, "x-plain" in second) == (full, full, True)


async def test_the_control_host() -> None:
    (closed,) = free_ports(1)
    with socket.create_server((LOOPBACK, 0)) as control, ScriptedServer(scripts.drops(scripts.truncated)) as server:
        here = f"{LOOPBACK}:{control.getsockname()[1]}"
        reached, _ = await run(server.url, "--control", here, **POSTMORTEM)
        refused, _ = await run(server.url, "--control", f"{LOOPBACK}:{closed}", **POSTMORTEM)
    assert reached.the("postmortem", stage="control")["ok"] is True
    assert refused.the("postmortem", stage="control")["how"] == "refused"


async def test_none_where_the_peer_said_why_or_we_asked_or_it_is_turned_off() -> None:
    with ScriptedServer(scripts.closes(1012, "restart", scripts.truncated)) as server:
        said, _ = await run(server.url, **POSTMORTEM)
    with ScriptedServer(scripts.echo) as server:
        async with probing(server.url, "--stdin", **POSTMORTEM) as asked:
            await seen(asked, "open")
            await ask(asked, "close")
            await seen(asked, "close")
            await asked.command("quit")
            await asked.finish()
    with ScriptedServer(scripts.drops(scripts.truncated)) as server:
        off, _ = await run(server.url, "--no-postmortem", **POSTMORTEM)
    assert [watch.of("postmortem") for watch in (said, asked, off)] == [[], [], []]


async def test_the_process_that_held_the_other_end() -> None:
    def drop(connection: Connection) -> None:
        connection.upgrade()
        connection.receive()
        scripts.truncated(connection)

    with ScriptedServer(drop) as server:
        watch, _ = await run(server.url, "--do", "0.3 send end", **POSTMORTEM)
    assert watch.the("postmortem", stage="program")["ok"] is True
    assert "server-crash" not in [cause["cause"] for cause in watch.of("verdict")[-1]["causes"][:2]]


async def test_our_own_ping_that_nobody_answered_is_looked_into() -> None:
    with ScriptedServer(scripts.answers_close_only) as server:
        watch, status = await run(server.url, "--ping-interval", "0.2", "--ping-timeout", "0.3", **POSTMORTEM)
    assert status == 1
    assert watch.the("close")["sent"]["reason"] == "keepalive ping timeout"
    assert [(fact["stage"], fact["ok"]) for fact in way(watch)] == [("tcp", True), ("http", True)]


@pytest.mark.parametrize("goes", [False, True])
def test_it_goes_on_to_http_if_no_sibling_is_up_by_then(goes: bool) -> None:
    stages: list[str] = []

    def write(kind: type[facts.Fact], **fields: str) -> None:
        if kind is facts.Postmortem:
            stages.append(fields["stage"])

    with ScriptedServer(scripts.answers_close_only) as server:
        spec = SessionSpec(name="A", url=server.url)
        wanted = Wanted(alone=lambda: goes and stages == ["tcp"], credentials=False, control=None)
        asyncio.run(examine(spec, wanted, write))
    assert stages == ["tcp", "http"] if goes else ["tcp"]


async def test_a_look_at_processes_is_finished_whoever_wants_it_to_stop() -> None:
    """Nobody waits long for it, and a drop behind a proxy is explained by nothing else."""
    asked, found = asyncio.Event(), asyncio.Event()

    class Slow(Peer):
        def now(self, *, listening: bool) -> str | None:
            return "lives"

        async def behind(self) -> list[tuple[str, str]]:
            asked.set()
            await found.wait()
            return [("node", "gone")]

    written: list[tuple[str, str | None]] = []

    def write(kind: type[facts.Fact], **fields: Any) -> None:
        if kind is facts.Postmortem:
            written.append((fields["stage"], fields.get("how")))

    with socket.create_server((LOOPBACK, 0)) as server:
        address = server.getsockname()
        wanted = Wanted(lambda: True, credentials=False, control=None, peer=Slow(address, None, frozenset()))
        spec = SessionSpec(url=f"ws://{LOOPBACK}:{address[1]}/")
        look = asyncio.ensure_future(examine(spec, wanted, write))
        await asked.wait()
        look.cancel()
        found.set()
        with pytest.raises(asyncio.CancelledError):
            await look
    assert written == [("tcp", None), ("program", None), ("behind", "gone")]
