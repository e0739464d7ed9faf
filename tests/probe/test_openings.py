"""What stands in the way of a session, told apart by facts alone, and said on its close card in both languages."""

import datetime
import io
import ssl
from contextlib import suppress

import pytest
import trustme

from tests.probing import run
from tests.servers import scripts
from tests.servers.scripted import Connection, Script, ScriptedServer
from tests.serving import echo, expired, server_context, serving
from tests.watching import Watch
from tui.recording.reader import read
from tui.view.card import card
from tui.view.look import Look
from tui.view.replay import Replay


def said(watch: Watch, label: str) -> str:
    """What the English card says under a label; the Chinese one says something there too."""
    data = b"".join(watch.raw)
    texts: dict[str, str] = {}
    for look in (Look("en"), Look("zh")):
        folded = Replay(look, lambda offset: data[offset : data.index(b"\n", offset)])
        for row in read(io.BytesIO(data)):
            folded.feed(row)
        made = card(folded.panes["A"], [], look)
        assert made is not None
        labels = [section.label for section in made.sections]
        assert label in labels, labels
        at = labels.index(label)
        more = [section.text for section in made.sections[at + 1 :] if not section.label]
        texts[look.lang] = "\n".join([made.sections[at].text, *more])
    assert texts["zh"] != texts["en"] and any("\u4e00" <= char <= "\u9fff" for char in texts["zh"])
    return texts["en"]


def says(data: bytes) -> Script:
    """A server that says this at once, whatever it hears."""

    def script(connection: Connection) -> None:
        connection.wait_for_bytes(5)
        connection.send(data)
        connection.read_to_end()

    return script


def answers(head: str, body: str = "") -> Script:
    """A server that answers the upgrade so."""
    return says(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


async def test_an_expired_certificate(authority: trustme.CA, ca_file: str) -> None:
    async with serving(echo, ssl=server_context(expired(authority))) as url:
        watch, _ = await run(url, "--cacert", ca_file)
    text, until = said(watch, "TLS"), watch.the("tls")["chain"][0]["not_after"][:10]
    assert f"expired on {until}, 1 days before" in text


async def test_a_certificate_that_is_not_yet_valid(authority: trustme.CA, ca_file: str) -> None:
    now = datetime.datetime.now(datetime.UTC)
    leaf = authority.issue_cert("localhost", not_before=now + datetime.timedelta(days=2, hours=1))
    async with serving(echo, ssl=server_context(leaf)) as url:
        watch, _ = await run(url, "--cacert", ca_file)
    assert watch.the("tls")["verify_code"] == 9
    assert "in 2 days" in said(watch, "TLS")


async def test_an_untrusted_certificate_and_a_wrong_name(tls: ssl.SSLContext, ca_file: str) -> None:
    async with serving(echo, ssl=tls) as url:
        untrusted, _ = await run(url)
        wrong, _ = await run(url.replace("localhost", "127.0.0.1"), "--cacert", ca_file)
    assert "--cacert FILE" in said(untrusted, "TLS") and "trustme" in said(untrusted, "TLS")
    assert "is for localhost, not for 127.0.0.1" in said(wrong, "TLS")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_is_required(version: ssl.TLSVersion, authority: trustme.CA, ca_file: str) -> None:
    context = server_context(authority.issue_cert("localhost"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = context.minimum_version = version
    with ScriptedServer(scripts.echo, context) as server:
        alerted, _ = await run(server.url, "--cacert", ca_file)
    async with serving(echo, ssl=context) as url:
        closed, _ = await run(url, "--cacert", ca_file)
    assert alerted.the("end")["alert"]["dir"] == "in"
    assert closed.the("end")["alert"] is None, "asyncio's server drops its alert"
    for watch in (alerted, closed):
        assert watch.the("tls")["certificate_requested"] is True
        assert "client certificate" in said(watch, "TLS")


async def test_no_common_version() -> None:
    with ScriptedServer(says(b"\x15\x03\x01\x00\x02\x02\x46")) as server:
        watch, _ = await run(server.url.replace("ws://", "wss://"))
    assert watch.the("end")["alert"] == {"name": "protocol_version", "number": 70, "dir": "in"}
    assert "no TLS version suits" in said(watch, "TLS")


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"), (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"), (b"hello\r\n", None)],
)
async def test_tls_to_a_port_that_does_not_speak_it(data: bytes, name: str | None) -> None:
    with ScriptedServer(says(data)) as server:
        watch, _ = await run(server.url.replace("ws://", "wss://"))
    fact, text = watch.the("tls"), said(watch, "TLS")
    assert (fact["ok"], fact["raw"]) == (False, data.decode())
    assert "does not speak TLS" in text and data.decode().split()[0] in text
    assert (f"what came is {name}" in text) is (name is not None)


async def test_what_is_hidden_stays_hidden_in_foreign_bytes() -> None:
    with ScriptedServer(says(b"220 Leonora's mail\r\n")) as server:
        watch, _ = await run(server.url.replace("ws://", "wss://"), "--redact", "Leonora")
    assert watch.the("tls")["raw"] == "220 ***'s mail\r\n"


async def test_a_server_that_hangs_up_on_our_hello() -> None:
    def hangs_up(connection: Connection) -> None:
        connection.take(200)

    with ScriptedServer(hangs_up) as server:
        watch, _ = await run(server.url.replace("ws://", "wss://"))
    assert "in the middle of the TLS handshake" in said(watch, "TLS")


async def test_plain_to_a_tls_port(tls: ssl.SSLContext) -> None:
    with ScriptedServer(says(b"\x15\x03\x03\x00\x02\x02\x46")) as server:
        alerted, _ = await run(server.url, "--open-timeout", "0.5")
    page = "<title>400 The plain HTTP request was sent to HTTPS port</title>"
    with ScriptedServer(answers("HTTP/1.1 400 Bad Request\r\nServer: nginx", page)) as server:
        told, _ = await run(server.url)
    assert alerted.the("http", dir="in")["raw"].startswith("\x15\x03") and "wss:" in said(alerted, "HTTP")
    assert "nginx says so itself" in said(told, "HTTP")


async def test_nginx_wants_a_client_certificate_in_http() -> None:
    page = "<head><title>400 No required SSL certificate was sent</title></head>"
    with ScriptedServer(answers("HTTP/1.1 400 Bad Request\r\nServer: nginx", page)) as server:
        watch, _ = await run(server.url)
    assert "--cert FILE" in said(watch, "HTTP")


@pytest.mark.parametrize("banner", ["SSH-2.0-OpenSSH_9.6\r\n", "220 mail.example ESMTP\r\n", "AMQP\x00\x00\x09\x01"])
async def test_another_protocol_on_the_port(banner: str) -> None:
    with ScriptedServer(says(banner.encode("latin-1"))) as server:
        watch, _ = await run(server.url, "--open-timeout", "0.5")
    answer = watch.the("http", dir="in")
    assert (answer["status"], answer["raw"]) == (None, banner)
    assert f"what came is {banner[:3]}" in said(watch, "HTTP") or "SMTP" in said(watch, "HTTP")


async def test_an_info_that_is_not_answered_meets_the_open_timeout() -> None:
    def says_nothing(connection: Connection) -> None:
        connection.read_to_end()

    with ScriptedServer(says_nothing) as server:
        watch, status = await run(server.url.replace("ws://", "http://"), "--open-timeout", "0.4")
    end = watch.the("end")
    assert (status, end["how"], end["phase"], end["detail"]) == (3, "timeout", "http", "open-timeout")


async def test_a_stream_that_never_begins_to_flow_meets_the_open_timeout() -> None:
    """A proxy that waits for a full buffer: /info is answered, of xhr_streaming not a byte comes."""
    info = b'{"websocket":false,"cookie_needed":false,"origins":["*:*"],"entropy":1}'

    def holds_back(connection: Connection) -> None:
        while connection.read_request()[""].startswith("GET"):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(info), info))
        connection.read_to_end()

    with ScriptedServer(holds_back) as server:
        url = server.url.replace("ws://", "http://")
        watch, status = await run(url, "--sockjs-transport", "xhr-streaming", "--open-timeout", "0.6")
    end = watch.the("end")
    assert (status, end["how"], end["detail"]) == (3, "timeout", "open-timeout")
    assert watch.of("verdict")[-1]["cause"] == "proxy-buffering"


@pytest.mark.parametrize("transport", ["xhr-streaming", "xhr-polling"])
async def test_a_page_in_place_of_a_sockjs_stream_is_asked_for_once(transport: str) -> None:
    """A web application that has a page for everything."""
    info, page = b'{"websocket":false,"cookie_needed":false,"origins":["*:*"],"entropy":1}', b"<html>welcome</html>"

    def answers_all(connection: Connection) -> None:
        with suppress(EOFError):
            while True:
                body = info if connection.read_request()[""].startswith("GET") else page
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with ScriptedServer(answers_all) as server:
        watch, status = await run(server.url.replace("ws://", "http://"), "--sockjs-transport", transport)
    asked = [line["method"] for line in watch.of("http", dir="out")]
    assert (status, asked, watch.the("end")["how"]) == (3, ["GET", "POST"], "http")
    assert watch.of("verdict")[-1]["cause"] == "not-websocket"


async def test_a_request_is_as_large_as_it_was_whatever_is_redacted() -> None:
    with ScriptedServer(answers("HTTP/1.1 400 Bad Request")) as server:
        watch, _ = await run(server.url, "-H", f"Cookie: session={'x' * 9000}")
    request = watch.the("http", dir="out")
    assert request["size"] > 9000 > len(str(request["headers"]))
    assert watch.of("verdict")[-1]["cause"] == "headers-too-big"


@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_another_protocol_that_says_its_name_and_resets(scheme: str) -> None:
    """RabbitMQ's AMQP port answers an upgrade with its own header and an RST: its 8 bytes tell more than the RST."""

    def resets(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"AMQP\x00\x00\x09\x01")
        connection.reset()

    with ScriptedServer(resets) as server:
        watch, status = await run(server.url.replace("ws", scheme))
    assert status == 3
    assert watch.the("http", dir="in")["raw"] == "AMQP\x00\x00\x09\x01"
    end = watch.the("end")
    assert (end["how"], end["errno"], end["undecoded"]) == ("reset", "ECONNRESET", 0)
    assert watch.of("verdict")[-1]["cause"] == "wrong-port"


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("HTTP/1.1 200 OK", "An ordinary page"),
        ("HTTP/1.1 302 Found\r\nLocation: /login", "it leads to /login"),
        ("HTTP/1.1 403 Forbidden", "Origin"),
        ("HTTP/1.1 404 Not Found", "There is nothing at this path"),
        ("HTTP/1.1 418 I'm a teapot", "418 I'm a teapot"),
        ("HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 8", "the version that does not suit"),
        ("HTTP/1.1 502 Bad Gateway", "A proxy got no proper answer"),
    ],
)
async def test_a_status_is_explained(head: str, words: str) -> None:
    with ScriptedServer(answers(head)) as server:
        watch, status = await run(server.url)
    assert status == 3
    assert words in said(watch, "HTTP")
