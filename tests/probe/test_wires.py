"""STOMP straight over TCP and TLS, seen from outside: a ``bytes`` fact for each read and write, and every ending."""

import base64
import ssl
import threading
from collections.abc import Callable

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers import scripts
from tests.servers.scripted import Connection, Script, ScriptedServer
from tests.watching import Line, Watch
from tui.protocols.stomp import KEPT

CONNECTED = "CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0"


def kinds(watch: Watch) -> list[str]:
    """The facts of the run in order, one word each, but for what the kernel was asked at the end."""
    return [
        " ".join(str(line[key]) for key in ("type", "dir", "when") if key in line)
        for line in watch.lines
        if not line.get("finding") and line["type"] != "tcp_info"
    ]


def payload(fact: Line) -> bytes:
    """The bytes of a ``bytes`` fact."""
    return fact["text"].encode() if "text" in fact else base64.b64decode(fact["b64"])


def says_goodbye(connection: Connection) -> None:
    """Answers a DISCONNECT with its receipt and ends TCP right behind it, as RabbitMQ does."""
    assert connection.read_stomp().startswith(b"DISCONNECT\n")
    connection.send(b"RECEIPT\nreceipt-id:disconnect\n\n\0\n")


async def test_the_facts_of_a_good_session_in_order() -> None:
    with ScriptedServer(scripts.after_connected(says_goodbye)) as server:
        watch, status = await run(server.stomp_url, "--heart-beat", "0,0", "--do", "0.1 disconnect")
    assert status == 0
    assert kinds(watch)[:8] == [
        "probe", "target", "resolved", "tcp", "route open", "bytes out", "bytes in", "command",
    ]  # fmt: skip
    assert kinds(watch)[8:10] == ["bytes out", "bytes in"] and kinds(watch)[-1] == "end"
    connect, disconnect = watch.of("bytes", dir="out")
    assert connect["text"].startswith("CONNECT\n") and connect["size"] == len(connect["text"])
    assert (disconnect["text"], disconnect["size"]) == ("DISCONNECT\nreceipt:disconnect\n\n\0", 32)
    assert [(one["text"], one["size"]) for one in watch.of("bytes", dir="in")] == [
        (CONNECTED, len(CONNECTED)), ("RECEIPT\nreceipt-id:disconnect\n\n\0\n", 33),
    ]  # fmt: skip
    assert [line["command"] for line in watch.of("stomp")] == ["CONNECT", "CONNECTED", "DISCONNECT", "RECEIPT"]
    assert not watch.of("frame") and not watch.of("http") and not watch.of("open")
    close = watch.the("close")
    assert (close["code"], close["name"], close["synthetic"], close["app_view"]) == (None, None, False, None)
    assert (close["received"], close["sent"], close["initiator"], close["asked"]) == (None, None, "local", True)
    assert (close["transport"]["how"], close["transport"]["undecoded"]) == ("fin", 0)


# What is said, and how its fact reads.


async def test_the_passcode_is_nowhere() -> None:
    typed = r"stomp-frame CONNECT\nlogin:me\npasscode:hush2\n\n\0"
    with ScriptedServer(scripts.after_connected(scripts.listens)) as server:
        watch, _ = await run(
            server.stomp_url, "--login", "me", "--passcode", "hush1", "--do", f"0 {typed}", "--do", "0.1 close"
        )
    first, second = watch.of("bytes", dir="out")
    for fact, secret in ((first, "hush1"), (second, "hush2")):
        assert "\npasscode:***\n" in fact["text"] and fact["redacted"] is True
        assert fact["size"] == len(fact["text"]) - len("***") + len(secret), "the size stays true"
    assert not any(b"hush" in raw for raw in watch.raw)


async def test_bytes_that_are_no_text() -> None:
    def binary(connection: Connection) -> None:
        assert connection.read_stomp().startswith(b"SUBSCRIBE\n")
        connection.send(b"MESSAGE\ncontent-length:4\n\n\xff\x00\xfe\x01\0")
        assert connection.read_stomp().endswith(b"\n\n\xff")
        connection.read_to_end()

    with ScriptedServer(scripts.after_connected(binary)) as server:
        arguments = ("--subscribe", "/q", "--do", "0.1 send-binary ff 00", "--do", "0.2 close")
        watch, _ = await run(server.stomp_url, *arguments)
    assert base64.b64decode(watch.of("bytes", dir="out")[2]["b64"]).endswith(b"\n\n\xff\x00\0")
    message = watch.of("bytes", dir="in")[-1]
    assert "text" not in message and message["size"] == 31 and payload(message).endswith(b"\xff\x00\xfe\x01\0")
    assert watch.the("stomp", command="MESSAGE")["size"] == 4
    assert watch.the("stomp", command="SEND")["size"] == 2


async def test_a_character_cut_in_two() -> None:
    whole = "MESSAGE\nname:你\n\n你好\0".encode()
    at, go_on = whole.rindex("好".encode()) + 1, threading.Event()

    def cuts(connection: Connection) -> None:
        connection.read_stomp()
        connection.send(whole[:at])
        go_on.wait(10)
        connection.send(whole[at:])
        connection.read_to_end()

    with ScriptedServer(scripts.after_connected(cuts)) as server:
        async with probing(server.stomp_url, "--subscribe", "/q", "--stdin") as watch:
            first = await seen(watch, "bytes", dir="in", count=2)
            go_on.set()
            message = await seen(watch, "stomp", command="MESSAGE")
            await ask(watch, "close")
            assert await watch.finish() == 0
    second = watch.of("bytes", dir="in")[2]
    assert "b64" in first and "b64" in second and payload(first) + payload(second) == whole
    assert (message["headers"], message["size"]) == ([["name", "你"]], 6)
    assert message["lines"] == [first["n"], second["n"]]


async def test_raw_frame_and_send_raw_are_bytes_like_any_other() -> None:
    with ScriptedServer(scripts.after_connected(scripts.listens)) as server:
        words = ("--do", "0 raw-frame 0a 0a", "--do", r"0.1 send-raw ACK\nid:1\n\n\0", "--do", "0.2 close")
        watch, _ = await run(server.stomp_url, *words)
    assert [fact["text"] for fact in watch.of("bytes", dir="out")[1:]] == ["\n\n", "ACK\nid:1\n\n\0"]
    assert [line["command"] for line in watch.of("stomp", dir="out")] == ["CONNECT", "beat", "ACK"]


# Ready.


@pytest.mark.alone
@pytest.mark.parametrize("secure", [False, True])
async def test_no_stomp_connect_is_ready_with_the_transport(secure: bool, tls: ssl.SSLContext, ca_file: str) -> None:
    heard: list[bytes] = []
    with ScriptedServer(lambda connection: heard.append(connection.read_to_end()), tls if secure else None) as server:
        watch, status = await run(
            server.stomp_url, "--no-stomp-connect", "--cacert", ca_file, "--open-timeout", "0.5",
            "--do", r"0.7 send-raw STOMP\n\n\0", "--do", "0.8 close",
        )  # fmt: skip
    assert (status, heard) == (0, [b"STOMP\n\n\0"]), "the open timeout is over with ready"
    ready = watch.the("tls" if secure else "tcp")["m"]
    assert 0.7 <= watch.the("command", do=r"send-raw STOMP\n\n\0")["m"] - ready < 0.9
    assert 0.79 <= watch.the("close")["age"] < 1


async def test_a_server_that_never_says_connected_meets_the_open_timeout() -> None:
    with ScriptedServer(scripts.listens) as server:
        watch, status = await run(server.stomp_url, "--open-timeout", "0.5")
    close = watch.the("close")
    assert (status, close["age"], close["initiator"]) == (3, None, "local")
    assert (close["transport"]["how"], close["transport"]["phase"]) == ("timeout", "open")
    assert watch.the("eof")["dir"] == "out", "we end in order"


@pytest.mark.parametrize(("scheme", "port"), [("stomp", 61613), ("stomps", 61614)])
async def test_default_ports(scheme: str, port: int) -> None:
    watch, _ = await run(f"{scheme}://127.0.0.1", "--open-timeout", "1")
    assert watch.the("tcp")["remote"] == f"127.0.0.1:{port}"


# TLS.


async def test_over_tls(tls: ssl.SSLContext, ca_file: str) -> None:
    with ScriptedServer(scripts.after_connected(says_goodbye), tls) as server:
        watch, status = await run(server.stomp_url, "--cacert", ca_file, "--do", "0.1 disconnect")
    assert status == 0
    order = [line["type"] for line in watch.lines if not line.get("finding")]
    assert order.index("tcp") < order.index("tls") < order.index("bytes")
    assert watch.the("tls")["ok"] is True
    assert payload(watch.of("bytes", dir="in")[0]) == CONNECTED.encode()
    assert watch.the("close")["transport"]["how"] == "fin"


async def test_a_receipt_and_the_end_behind_it_are_an_orderly_end(tls: ssl.SSLContext, ca_file: str) -> None:
    """What we say past the peer's FIN may draw a RST: the end is still the FIN's."""

    def goodbye(connection: Connection) -> None:
        connection.read_stomp()
        connection.send(b"RECEIPT\nreceipt-id:disconnect\n\n\0\n")
        connection.close_notify()

    with ScriptedServer(scripts.after_connected(goodbye), tls) as server:
        for _ in range(5):
            watch, status = await run(server.stomp_url, "--cacert", ca_file, "--do", "0 disconnect")
            end = watch.the("end")
            assert (status, end["how"], end["errno"], end["close_notify"]["in"]) == (0, "fin", None, True)


async def test_an_untrusted_certificate(tls: ssl.SSLContext) -> None:
    with ScriptedServer(scripts.after_connected(Connection.hold), tls) as server:
        watch, status = await run(server.stomp_url)
    close = watch.the("close")
    assert (status, close["transport"]["how"], close["transport"]["phase"]) == (3, "tls", "tls")
    assert (close["code"], close["app_view"], watch.of("bytes")) == (None, None, [])


# Endings.


def sends(data: bytes, end: Callable[[Connection], None]) -> Script:
    """A session in which the server says ``data`` and then ends."""

    def act(connection: Connection) -> None:
        connection.send(data)
        end(connection)

    return scripts.after_connected(act)


async def test_a_bare_fin() -> None:
    with ScriptedServer(sends(b"\n", scripts.truncated)) as server:
        watch, status = await run(server.stomp_url, "--heart-beat", "0,0")
    close = watch.the("close")
    assert status == 1
    assert (close["code"], close["initiator"], close["clean"]) == (None, "remote", False)
    assert close["transport"] == {
        "how": "fin", "phase": "open", "errno": None, "detail": None, "alert": None, "close_notify": None,
        "undecoded": 0, "unread": 0, "unsent": 0,
    }  # fmt: skip
    assert [fact["dir"] for fact in watch.of("eof")] == ["in"]


HEAD = b"MESSAGE\ncontent-length:100\n\n"

UNFINISHED = {
    "in the headers": (b"MESSAGE\ncontent-ty", 18),
    "in the body": (HEAD + b"x" * 40, len(HEAD) + 40),
    "before the NUL": (HEAD + b"x" * 100, len(HEAD) + 100),
    "after a whole one": (b"MESSAGE\n\n\0\nMESS", 4),
    "of one too big": (b"MESSAGE\n\n" + b"x" * 3000, 3009),
    "of none": (b"MESSAGE\n\n\0\n", 0),
}


@pytest.mark.parametrize("name", UNFINISHED)
async def test_a_fin_in_the_middle_of_a_frame_counts_the_bytes_left_of_it(name: str) -> None:
    data, left = UNFINISHED[name]
    with ScriptedServer(sends(data, scripts.truncated)) as server:
        watch, status = await run(server.stomp_url, "--heart-beat", "0,0", "--max-size", "1000")
    close = watch.the("close")
    assert (status, close["transport"]["how"], close["transport"]["undecoded"]) == (1, "fin", left)
    assert watch.the("end")["undecoded"] == left
    said = [note["args"] for note in watch.of("note", key="note.stomp_unfinished")]
    assert said == ([{"bytes": left}] if left else [])


async def test_a_reset() -> None:
    def resets(connection: Connection) -> None:
        connection.send(b"ERROR\nmessage:go away\n\n\0")
        connection.reset()

    with ScriptedServer(scripts.after_connected(resets)) as server:
        watch, status = await run(server.stomp_url)
    close = watch.the("close")
    assert (status, close["transport"]["how"], close["transport"]["errno"]) == (1, "reset", "ECONNRESET")
    assert (close["initiator"], close["error"], watch.of("eof")) == ("remote", "go away", [])


async def test_our_reset_and_abort() -> None:
    for words in ("reset", "abort"):
        with ScriptedServer(scripts.after_connected(scripts.listens)) as server:
            watch, status = await run(server.stomp_url, "--do", f"0 {words}")
        close = watch.the("close")
        assert (status, close["initiator"], close["asked"]) == (0, "local", True)
        assert (close["transport"]["how"], close["transport"]["detail"]) == ("local", words)


async def test_after_our_half_close_the_server_may_go_on() -> None:
    def goes_on(connection: Connection) -> None:
        connection.read_to_end()
        connection.send(b"MESSAGE\n\nstill here\0")

    with ScriptedServer(scripts.after_connected(goes_on, beats="100,100")) as server:
        async with probing(server.stomp_url, "--heart-beat", "100,0", "--stdin") as watch:
            await seen(watch, "stomp", command="CONNECTED")
            assert (await ask(watch, "half-close"))["ok"]
            await seen(watch, "end")
            assert await watch.finish() == 0
    assert kinds(watch)[8:] == ["eof out", "bytes in", "eof in", "route end", "end", "stop"]
    assert watch.the("stomp", command="MESSAGE")["size"] == 10
    close = watch.the("close")
    assert (close["initiator"], close["asked"], close["transport"]["how"]) == ("local", True, "fin")


@pytest.mark.alone
async def test_a_server_that_answers_neither_our_disconnect_nor_our_fin() -> None:
    with ScriptedServer(scripts.after_connected(Connection.hold)) as server:
        watch, status = await run(server.stomp_url, "--do", "0 disconnect", "--close-timeout", "0.3")
    fin, end = watch.the("eof"), watch.the("end")
    told = watch.the("command")["m"]
    assert (status, end["how"], end["detail"]) == (0, "local", "close-timeout")
    assert 0.29 <= fin["m"] - told < 0.5 and 0.29 <= end["m"] - fin["m"] < 0.5
    assert watch.the("close")["initiator"] == "local"


async def test_what_tcp_has_no_words_for_is_refused() -> None:
    with ScriptedServer(scripts.after_connected(scripts.listens)) as server:
        async with probing(server.stomp_url, "--stdin") as watch:
            await seen(watch, "stomp", command="CONNECTED")
            assert (await ask(watch, "close 4000 bye"))["why"] == "command.no_code"
            assert (await ask(watch, "ping"))["why"] == "command.no_websocket"
            assert (await ask(watch, "close"))["ok"]
            assert (await ask(watch, "send x"))["why"] in ("command.closing", "command.not_open")
            assert await watch.finish() == 0


# Several at once.


async def test_sessions_over_tcp_websocket_and_tls_side_by_side(broker: str, tls: ssl.SSLContext, ca_file: str) -> None:
    with (
        ScriptedServer(scripts.after_connected(says_goodbye)) as patient,
        ScriptedServer(scripts.after_connected(says_goodbye), tls) as secure,
        ScriptedServer(sends(b"MESS", scripts.truncated)) as rude,
    ):
        watch, status = await run(
            f"patient={patient.stomp_url}", f"secure={secure.stomp_url}", f"rude={rude.stomp_url}", f"ws={broker}",
            "--cacert", ca_file, "--heart-beat", "0,0", "--do", "0.5 disconnect",
        )  # fmt: skip
    assert status == 1
    ends = {close["s"]: (close["transport"]["how"], close["transport"]["undecoded"]) for close in watch.of("close")}
    assert ends == {"patient": ("fin", 0), "secure": ("fin", 0), "rude": ("fin", 4), "ws": ("fin", 0)}
    codes = {close["s"]: close["code"] for close in watch.of("close")}
    assert codes == {"patient": None, "secure": None, "rude": None, "ws": 1000}
    for name in ("patient", "secure"):
        assert {command["ok"] for command in watch.of("command", name)} == {True}


async def test_a_message_larger_than_max_size_is_flagged_once_and_the_session_goes_on() -> None:
    big = b"MESSAGE\ncontent-length:200000\n\n" + b"x" * 200_000 + b"\0"

    def act(connection: Connection) -> None:
        connection.send(big + b"MESSAGE\n\nsmall\0")
        connection.read_to_end()

    with ScriptedServer(scripts.after_connected(act)) as server:
        async with probing(server.stomp_url, "--stdin", "--max-size", "100000") as watch:
            await seen(watch, "stomp", command="MESSAGE", size=5)
            await ask(watch, "close")
            assert await watch.finish() == 0
    first, second = watch.of("stomp", command="MESSAGE")
    assert (first["size"], second["size"]) == (KEPT, 5)
    assert watch.the("note")["key"] == "note.stomp_flaw_too_big"
    assert b"".join(map(payload, watch.of("bytes", dir="in"))).endswith(big + b"MESSAGE\n\nsmall\0")
    assert len(second["lines"]) == 1, "only what carried it, not what was skipped"
