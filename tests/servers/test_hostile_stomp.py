"""Brokers that send nonsense, over WebSocket and straight over TCP: bounded, flagged, explained, never obeyed."""

from collections.abc import Callable

import pytest
from websockets.frames import Opcode

from tests.probing import run
from tests.servers import scripts
from tests.servers.scripted import Connection, Script, ScriptedServer
from tests.watching import Line, Watch
from tui.knowledge.catalogue import has
from tui.protocols.stomp import HEAD_LIMIT, KEPT, MOST

MIB = 1 << 20

CONNECTED = b"CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0"

Say = Callable[[bytes], None]


def over_tcp(act: Callable[[Say], None]) -> Script:
    """After CONNECTED ``act``, which says bytes; then a FIN."""

    def then(connection: Connection) -> None:
        act(connection.send)
        scripts.truncated(connection)

    return scripts.after_connected(then)


def over_websocket(act: Callable[[Say], None]) -> Script:
    """After CONNECTED ``act``, whose bytes are binary messages; then a FIN."""

    def then(connection: Connection) -> None:
        connection.upgrade(subprotocol="v12.stomp")
        connection.receive()
        connection.frame(Opcode.TEXT, CONNECTED)
        act(lambda data: connection.frame(Opcode.BINARY, data))
        scripts.truncated(connection)

    return then


BELOW = {"tcp": over_tcp, "websocket": over_websocket}


async def meet(below: str, act: Callable[[Say], None], *args: str) -> Watch:
    """One session with such a broker, to its end; every note of it is one that a person can read."""
    with ScriptedServer(BELOW[below](act)) as server:
        url = server.stomp_url if below == "tcp" else f"stomp+{server.url}"
        watch, status = await run(url, "--heart-beat", "0,0", *args)
    assert status == 1 and watch.the("end")["how"] == "fin"
    assert all(has(note["key"]) and note["text"] for note in watch.of("note"))
    return watch


def notes(watch: Watch) -> set[str]:
    """What was noted, without the word every key begins with."""
    return {note["key"].removeprefix("note.stomp_") for note in watch.of("note")}


def came(watch: Watch) -> list[Line]:
    """The STOMP frames that came in after CONNECTED."""
    return watch.of("stomp", dir="in")[1:]


GARBAGE = {
    "http": (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\nbad", {"unfinished"}),
    "ssh": (b"SSH-2.0-OpenSSH_9.2p1\r\n", {"unfinished"}),
    "tls-alert": (
        b"\x15\x03\x01\x00\x02\x02\x46", {"flaw_unknown_command", "flaw_no_blank_line", "unfinished"},
    ),
    "no-utf-8": (b"\xff\xfe:\x80\n\xff\n\n\0", {"flaw_not_utf8", "flaw_unknown_command", "flaw_header_without_colon"}),
    "every-flaw": (
        b"RECEIPT\ncontent-length:x\na\\q:1\n\nbody\0",
        {"flaw_bad_content_length", "flaw_undefined_escape", "flaw_body_not_allowed"},
    ),
    "a-lying-length": (b"MESSAGE\ncontent-length:1\n\nabc\0", {"flaw_missing_nul"}),
}  # fmt: skip


@pytest.mark.parametrize("below", BELOW)
@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_is_shown_and_named(name: str, below: str) -> None:
    data, keys = GARBAGE[name]
    watch = await meet(below, lambda say: say(data))

    assert notes(watch) == keys


@pytest.mark.parametrize("below", BELOW)
async def test_nuls_everywhere(below: str) -> None:
    def act(say: Say) -> None:
        say(b"\0\0\0")
        say(b"MESSAGE\nna\0me:va\0lue\n\nbo\0dy\0")

    watch = await meet(below, act)

    assert [frame["command"] for frame in came(watch)] == ["", "", "", "MESSAGE", "me:va", "lue", "dy"]
    assert notes(watch) == {"flaw_unknown_command", "flaw_no_blank_line", "flaw_header_without_colon"}


BEGINNINGS = {
    "body": (b"MESSAGE\n\n", b"x", "flaw_too_big"),
    "announced body": (b"MESSAGE\ncontent-length:1000000000\n\n", b"x", "flaw_too_big"),
    "headers": (b"MESSAGE\n", b"a:b\n", "flaw_head_too_big"),
    "header": (b"MESSAGE\na:", b"b", "flaw_head_too_big"),
    "command": (b"", b"M", "flaw_head_too_big"),
}


@pytest.mark.parametrize("below", BELOW)
@pytest.mark.parametrize("name", BEGINNINGS)
async def test_a_frame_without_end_is_flagged_once_and_held_no_longer(name: str, below: str) -> None:
    beginning, piece, key = BEGINNINGS[name]
    block = piece * (100_000 // len(piece))

    def act(say: Say) -> None:
        say(beginning)
        for _ in range(40):
            say(block)

    watch = await meet(below, act, "--max-size", str(2 * MIB))

    (frame,) = came(watch)
    assert frame["size"] <= KEPT and len(frame["headers"]) <= KEPT
    assert notes(watch) - {"flaw_unknown_command", "flaw_header_without_colon"} == {key, "unfinished"}
    unfinished = watch.the("note", key="note.stomp_unfinished")["args"]["bytes"]
    assert unfinished == len(beginning) + 40 * len(block)
    assert watch.the("end")["undecoded"] == (unfinished if below == "tcp" else 0)
    assert len(max(watch.raw, key=len)) < HEAD_LIMIT


@pytest.mark.parametrize("below", BELOW)
async def test_after_a_frame_that_was_too_big_the_next_ones_are_read(below: str) -> None:
    def act(say: Say) -> None:
        say(b"MESSAGE\n\n")
        for _ in range(20):
            say(b"x" * 10_000)
        say(b"\0MESSAGE\n\nsmall\0")

    watch = await meet(below, act, "--max-size", "100000")

    assert [(frame["command"], frame["size"]) for frame in came(watch)] == [("MESSAGE", KEPT), ("MESSAGE", 5)]
    assert notes(watch) == {"flaw_too_big"} and watch.the("end")["undecoded"] == 0


async def test_a_message_of_nothing_but_nuls() -> None:
    watch = await meet("websocket", lambda say: say(bytes(MIB)))

    assert len(came(watch)) == MOST
    assert watch.the("note", key="note.stomp_flaw_too_many")["lines"]


@pytest.mark.parametrize("below", BELOW)
async def test_a_second_connected_and_a_heart_beat_that_is_no_pair(below: str) -> None:
    watch = await meet(below, lambda say: say(b"CONNECTED\nversion:9.9\nheart-beat:soon\n\n\0"))

    assert watch.the("note")["key"] == "note.heart_beat_unreadable"
    assert watch.the("note")["args"] == {"command": "CONNECTED", "value": "soon"}
