"""Servers that send nonsense: shown as evidence, bounded, never a crash, never a raw control byte on the terminal."""

import re
import resource
import sys

import pytest

from tests.servers import scripts
from tests.servers.scripted import Script, ScriptedServer
from tests.watching import Line, Watch, watch_for_people, watching

_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""What must never reach a terminal: C0 but tab and newline, DEL, C1, zero-width and bidi controls."""

MIB = 1 << 20


async def run(script: Script, *args: str) -> tuple[Watch, int]:
    """One session with a hostile server, to its end."""
    with ScriptedServer(script) as server:
        async with watching(server.url, "--close-timeout", "0.3", *args) as watch:
            status = await watch.finish()
    return watch, status


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
    assert the_bad_frame(watch)["b64"]
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


async def test_a_header_that_never_ends_meets_the_open_timeout() -> None:
    watch, status = await run(scripts.header_drop_by_drop, "--open-timeout", "1")

    assert status == 3
    close = watch.the("close")
    assert (close["transport"]["how"], close["transport"]["phase"]) == ("timeout", "http")
    assert close["initiator"] == "local"


HOSTILE_TEXT = {
    "refusal": (scripts.refuses_with_escapes, ()),
    "upgrade": (scripts.upgrades_with_escapes, ()),
    "stomp": (scripts.stomp_with_escapes, ("--stomp",)),
}


@pytest.mark.parametrize("name", HOSTILE_TEXT)
async def test_escape_sequences_never_reach_the_terminal(name: str) -> None:
    script, args = HOSTILE_TEXT[name]
    watch, _ = await run(script, *args)
    with ScriptedServer(script) as server:
        said = await watch_for_people(server.url, "--close-timeout", "0.3", *args)

    assert any(b"owned" in raw for raw in watch.raw), "the hostile text is evidence and must be there"
    assert name == "upgrade" or b"owned" in said.out, "a 101's headers are not in the log, everything else is"
    for printed in (*watch.raw, said.out, said.err):
        assert not _RAW.findall(printed.decode())
