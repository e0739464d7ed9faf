"""Every option of a session arrives where it is meant for: those that no other test here is about, and the count."""

import re
import ssl
from pathlib import Path

import pytest
import trustme
from websockets.frames import Opcode

from tests.probing import probing as probing_run
from tests.probing import run, seen
from tests.servers import scripts
from tests.servers.scripted import Connection, Script, ScriptedServer
from tests.serving import server_context
from tui.options.spec import SessionSpec
from tui.options.values import fields


def broker(heard: list[str]) -> Script:
    """Takes the upgrade request and the CONNECT frame it is sent, says CONNECTED and answers the Close."""

    def script(connection: Connection) -> None:
        connection.upgrade(subprotocol="v12.stomp")
        heard.append(connection.receive().payload.decode())
        connection.frame(Opcode.TEXT, b"CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0")
        connection.frame(Opcode.CLOSE, connection.receive_close())

    return script


@pytest.mark.parametrize(
    ("options", "header"),
    [
        (["--login", "ann"], "login:ann"),
        (["--passcode", "s3cret"], "passcode:s3cret"),
        (["--vhost", "/shop"], "host:/shop"),
        (["--stomp-version", "1.2"], "accept-version:1.2"),
        (["--heart-beat", "7000,8000"], "heart-beat:7000,8000"),
        (["--connect-header", "client-id:ann-1"], "client-id:ann-1"),
    ],
)
async def test_what_connect_carries(options: list[str], header: str) -> None:
    heard: list[str] = []
    with ScriptedServer(broker(heard)) as server:
        _, status = await run(server.url, "--stomp", *options, "--do", "0 close")
    assert status == 0
    assert header in heard[0].split("\n")


async def test_the_passcode_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_WORD", "s3cret")
    heard: list[str] = []
    with ScriptedServer(broker(heard)) as server:
        watch, _ = await run(server.url, "--stomp", "--passcode-env", "BROKER_WORD", "--do", "0 close")
    assert "passcode:s3cret" in heard[0].split("\n") and b"s3cret" not in b"".join(watch.raw)


async def test_a_key_in_a_file_of_its_own(authority: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    context = server_context(authority.issue_cert("localhost"))
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    leaf = authority.issue_cert("client.example")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    leaf.cert_chain_pems[0].write_to_path(str(cert))
    leaf.private_key_pem.write_to_path(str(key))
    with ScriptedServer(scripts.echo, context) as server:
        watch, status = await run(
            server.url, "--cacert", ca_file, "--cert", str(cert), "--key", str(key), "--do", "0 close"
        )
    assert (status, watch.the("tls")["certificate_requested"]) == (0, True)


async def test_pings_at_their_interval_and_the_end_without_a_pong() -> None:
    pings: list[bytes] = []

    def mute(connection: Connection) -> None:
        connection.upgrade()
        while (frame := connection.receive()).opcode == Opcode.PING:
            pings.append(frame.payload)

    with ScriptedServer(mute) as server:
        async with probing_run(server.url, "--ping-interval", "0.2", "--ping-timeout", "0.3") as watch:
            await seen(watch, "end")
            status = await watch.finish()
    sent = watch.of("frame", dir="out", opcode=9)
    assert pings and sent[0]["m"] - watch.the("open")["m"] == pytest.approx(0.2, abs=0.1)
    assert (status, watch.the("close")["sent"]["code"]) == (1, 1011)


@pytest.mark.parametrize("shared", [True, False])
async def test_two_sessions_with_one_browsers_cookies(shared: bool) -> None:
    cookies: list[str | None] = []

    def script(connection: Connection) -> None:
        cookies.append(connection.read_request().get("cookie"))
        connection.send(b"HTTP/1.1 404 Not Found\r\nSet-Cookie: node=7; Path=/\r\nContent-Length: 0\r\n\r\n")
        connection.read_to_end()

    with ScriptedServer(script) as server:
        url = server.url.replace("ws://", "http://") + "app"
        await run(url, "-n", "2", "--stagger", "0.3", *(["--share-cookies"] if shared else []))
    assert cookies == [None, "node=7" if shared else None]


def test_every_option_of_a_session_is_tried_here() -> None:
    words = {"header": "-H", "user": "-u"}
    said = "".join(path.read_text() for path in Path(__file__).parents[1].glob("*/test_*.py"))
    tried = {name for name in fields(SessionSpec) if re.search(f'"({words.get(name, "--" + name)}|--{name})"', said)}
    assert tried == fields(SessionSpec).keys() - {"url", "name"}
