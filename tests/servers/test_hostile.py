"""Servers that send nonsense: shown as evidence, bounded, never a crash, never a raw control byte on the terminal."""

import re
import resource
import ssl
import sys
from pathlib import Path

import pytest
from websockets.frames import Opcode

from tests.probing import run as probed
from tests.servers import certificates, scripts
from tests.servers.scripted import Connection, Script, ScriptedServer
from tests.watching import Line, Watch, watch_for_people
from tui.knowledge.catalogue import has
from tui.probe.upgrade import HEAD_LIMIT, KEPT

_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""What must never reach a terminal: C0 but tab and newline, DEL, C1, zero-width and bidi controls."""

MIB = 1 << 20


async def run(script: Script, *args: str, tls: ssl.SSLContext | None = None, tcp: bool = False) -> tuple[Watch, int]:
    """One session with a hostile server, to its end: over WebSocket, or with nothing between STOMP and TCP."""
    with ScriptedServer(script, tls) as server:
        return await probed(server.stomp_url if tcp else server.url, "--close-timeout", "0.3", *args)


def the_bad_frame(watch: Watch) -> Line:
    """The one frame that carries an error."""
    (frame,) = [frame for frame in watch.of("frame", dir="in") if frame.get("error")]
    return frame


BAD_FRAMES = {
    "reserved-opcode": (b"\x83\x01a", 1002),
    "rsv-without-extension": (b"\xc1\x01a", 1002),
    "masked-by-the-server": (b"\x81\x81\x01\x02\x03\x04a", 1002),
    "fragmented-control": (b"\x09\x01a", 1002),
    "long-control": (b"\x89\x7e\x00\x80" + b"a" * 128, 1002),
    "continuation-of-nothing": (b"\x80\x01a", 1002),
    "invalid-utf-8": (b"\x81\x02\xc3\x28", 1007),
    "close-code-1006-on-the-wire": (b"\x88\x02\x03\xee", 1002),
    "close-of-one-byte": (b"\x88\x01\x03", 1002),
    "garbage": (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff garbage", 1002),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
async def test_a_bad_frame_is_evidence_and_we_fail_the_connection(name: str) -> None:
    data, code = BAD_FRAMES[name]
    watch, status = await run(scripts.answering(b"\x81\x02ok" + data))

    assert status == 1
    assert watch.of("frame", dir="in")[0]["text"] == "ok"
    bad = the_bad_frame(watch)
    assert bad["b64"]
    assert watch.the("note")["key"] == f"note.frame_error_{bad['error'].replace('-', '_')}"
    close = watch.the("close")
    assert close["sent"]["code"] == code
    assert close["transport"]["how"] in ("protocol", "fin", "local")


async def test_a_length_of_two_to_the_63() -> None:
    header = b"\x82\x7f" + scripts.HUGE_LENGTH.to_bytes(8, "big")
    watch, status = await run(scripts.answering(header + b"abc"))

    assert status == 1
    assert the_bad_frame(watch)["head"] == header.hex()
    assert watch.the("close")["sent"]["code"] in (1002, 1009)


async def test_a_frame_over_the_size_limit() -> None:
    header = b"\x82\x7f" + (64 * MIB).to_bytes(8, "big")
    watch, status = await run(scripts.answering(header + b"abc"), "--max-size", str(MIB))

    assert status == 1
    assert watch.the("close")["sent"]["code"] == 1009


async def test_a_decompression_bomb_stays_small() -> None:
    watch, status = await run(scripts.answering(scripts.bomb(1024 * MIB), deflate=True))
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    assert status == 1
    frame = the_bad_frame(watch)
    assert frame["deflate"] is True and frame.get("cut") is True
    assert watch.the("close")["sent"]["code"] == 1009
    assert max(map(len, watch.raw)) < MIB
    assert largest < 512 * MIB, "the largest child so far, which this one would be by far"


WRONG_KEY = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: bm90IHlvdXIga2V5\r\n\r\n"
)


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "http"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "http"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "http"),
        (WRONG_KEY, "handshake"),
        (b"", "fin"),
    ],
    ids=["another-protocol", "a-tls-alert", "status-200", "a-wrong-accept-key", "nothing"],
)  # fmt: skip
async def test_an_answer_that_is_no_upgrade(answer: bytes, how: str) -> None:
    watch, status = await run(scripts.says(answer))

    assert status == 3
    close = watch.the("close")
    assert (close["transport"]["how"], close["transport"]["phase"]) == (how, "http")
    assert not watch.of("open")
    if answer[:4] not in (b"", b"HTTP"):
        said = watch.the("http", dir="in")
        assert said["status"] is None and said["raw"].encode("latin-1") == answer


DRIPPING = {
    "http": (scripts.header_drop_by_drop, False, "http", 47),
    "tls": (scripts.drop_by_drop(b"\x16\x03\x03\x40\x00", b"\x02"), False, "tls", 5),
    "stomp": (scripts.drop_by_drop(b"CONNECTED\n", b"session:a"), True, "open", 10),
}
"""The script, whether it is STOMP over TCP, the phase it gets to, and the bytes that come before the drops."""


@pytest.mark.parametrize("name", DRIPPING)
async def test_an_answer_that_drips_for_ever_meets_the_open_timeout(name: str) -> None:
    script, tcp, phase, at_once = DRIPPING[name]
    with ScriptedServer(script) as server:
        url = server.stomp_url if tcp else server.url.replace("ws:", "wss:") if name == "tls" else server.url
        watch, status = await probed(url, "--open-timeout", "2")

    assert status == 3
    close = watch.the("close")
    assert (close["transport"]["how"], close["transport"]["phase"]) == ("timeout", phase)
    assert (close["transport"]["detail"], close["initiator"], close["age"]) == ("open-timeout", "local", None)
    assert close["transport"]["undecoded"] > max(10, at_once), "what came drop by drop is evidence"


ENDLESS = {
    "headers": (b"HTTP/1.1 101 Switching Protocols\r\n", b"X-Y: " + b"z" * 100 + b"\r\n"),
    "a header": (b"HTTP/1.1 101 Switching Protocols\r\nX-Y: ", b"z" * 100),
    "a status line": (b"HTTP/1.1 101 ", b"z" * 100),
    "informational answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_an_answer_without_end_is_given_up_after_64_kib(name: str) -> None:
    beginning, piece = ENDLESS[name]
    watch, status = await run(scripts.without_end(beginning, piece), "--open-timeout", "60")

    assert status == 3
    answer, end = watch.the("http", dir="in"), watch.the("end")
    assert (end["how"], end["phase"]) == ("http", "http")
    assert end["detail"] == f"more than {HEAD_LIMIT} bytes came and the answer was not whole"
    assert len(answer.get("raw", "")) in (0, KEPT) and max(map(len, watch.raw)) < 8 * KEPT


@pytest.mark.parametrize("limit", [1, 3 * MIB])
async def test_a_message_without_end(limit: int) -> None:
    """Each fragment is small; their sum is bounded."""

    def fragments(connection: Connection) -> None:
        connection.frame(Opcode.TEXT, b"a" * 10_000, fin=False)
        while not connection.closing.is_set():
            connection.frame(Opcode.CONT, b"a" * 10_000, fin=False)

    watch, status = await run(scripts.after_upgrade(fragments), "--max-size", str(limit))

    assert status == 1
    assert watch.the("close")["sent"]["code"] == 1009
    fine = sum(frame["size"] for frame in watch.of("frame", dir="in") if not frame.get("error"))
    assert fine <= limit < fine + 10_000
    assert {note["key"] for note in watch.of("note")} == {"note.frame_error_too_big"} or limit > 1


async def test_a_frame_that_is_announced_and_never_comes() -> None:
    header = b"\x82\x7f" + MIB.to_bytes(8, "big")

    def announces(connection: Connection) -> None:
        connection.send(header + b"abc")
        scripts.truncated(connection)

    watch, status = await run(scripts.after_upgrade(announces))

    assert (status, watch.of("frame", dir="in")) == (1, [])
    assert watch.the("close")["transport"]["undecoded"] == len(header) + 3


async def test_nuls_everywhere() -> None:
    def nuls(connection: Connection) -> None:
        connection.upgrade()
        connection.frame(Opcode.TEXT, b"\0" * 10)
        connection.frame(Opcode.BINARY, b"\0" * 10)
        connection.frame(Opcode.PING, b"\0" * 10)
        connection.close(4000, "\0" * 10)
        connection.receive_close()

    watch, status = await run(nuls)
    with ScriptedServer(nuls) as server:
        said = await watch_for_people(server.url)

    assert status == 1
    assert watch.the("close")["received"] == {"code": 4000, "reason": "\0" * 10}
    assert b"\0" not in b"".join(watch.raw) + said.out and "␀" * 10 in said.out.decode()


# Text that would be obeyed by a terminal.


def hostile_answer(connection: Connection) -> None:
    """Bytes that are no HTTP at all."""
    connection.read_request()
    connection.send(scripts.ESCAPES.encode() + b"\r\n\r\n")


def hostile_subprotocol(connection: Connection) -> None:
    """A 101 that agrees to what nobody offered."""
    connection.upgrade(subprotocol=scripts.ESCAPES.encode().decode("latin-1"))


def hostile_upgrade(connection: Connection) -> None:
    """A 101 with escape sequences in its phrase and in every header the handshake reads."""
    connection.read_request()
    names = ("Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Extensions")
    headers = b"".join(f"{name}: {scripts.ESCAPES}\r\n".encode() for name in names)
    connection.send(b"HTTP/1.1 101 " + scripts.ESCAPES.encode() + b"\r\n" + headers + b"\r\n")


HOSTILE_TEXT = {
    "no-http": (hostile_answer, False, ()),
    "subprotocol": (hostile_subprotocol, False, ()),
    "handshake": (hostile_upgrade, False, ()),
    "refusal": (scripts.refuses_with_escapes, False, ()),
    "upgrade": (scripts.upgrades_with_escapes, False, ()),
    "stomp": (scripts.stomp_with_escapes, False, ("--stomp",)),
    "stomp-over-tcp": (scripts.plain_stomp_with_escapes, True, ()),
}


async def assert_nothing_raw(url: str, *args: str) -> tuple[Watch, bytes]:
    """Runs a session twice, for a program and for people in two languages; what was said of it."""
    watch, _ = await probed(url, "--close-timeout", "0.3", *args)
    out = b""
    for lang in ("en", "zh"):
        said = await watch_for_people(url, "--close-timeout", "0.3", "--lang", lang, *args)
        assert not said.err, said.err
        out += said.out
    for printed in (*watch.raw, out):
        assert not _RAW.findall(printed.decode())
    for note in watch.of("note"):
        assert has(note["key"]) and note["text"]
    assert any(b"owned" in raw for raw in watch.raw), "the hostile text is evidence and must be there"
    return watch, out


@pytest.mark.parametrize("name", HOSTILE_TEXT)
async def test_escape_sequences_never_reach_the_terminal(name: str) -> None:
    script, tcp, args = HOSTILE_TEXT[name]
    with ScriptedServer(script) as server:
        _, out = await assert_nothing_raw(server.stomp_url if tcp else server.url, *args)

    assert name in ("upgrade", "subprotocol") or b"owned" in out, "a 101's headers are not in the log, all else is"


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_certificate_whose_names_are_escape_sequences(tmp_path: Path, trusted: bool) -> None:
    context = certificates.server_context(certificates.hostile(tmp_path, scripts.ESCAPES))
    with ScriptedServer(scripts.echo, context) as server:
        watch, _ = await assert_nothing_raw(server.url, *(("-k", "--do", "0 close") if trusted else ()))

    leaf = watch.the("tls")["chain"][0]
    assert "owned" in leaf["subject"] and "owned" in leaf["issuer"] and "owned" in leaf["names"][1]


async def test_a_certificate_whose_names_cannot_be_read(tmp_path: Path) -> None:
    context = certificates.server_context(certificates.hostile(tmp_path, "nobody", broken=True))
    watch, status = await run(scripts.echo, tls=context)

    leaf = watch.the("tls")["chain"][0]
    assert (status, leaf["names"], len(leaf["sha256"])) == (3, [], 64)
    assert leaf["subject"] == leaf["issuer"] == "CN=nobody"
    assert watch.the("end")["how"] == "tls"
