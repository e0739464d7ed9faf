"""One connection from its lookup to its end, seen from outside: what is written, in which order, for every ending."""

import threading
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Opcode

from tests.probing import ask, probing, run, seen
from tests.servers import scripts
from tests.servers.scripted import Connection, ScriptedServer
from tests.serving import brokering, serving
from tests.watching import Watch
from tui.lab.policy import Policy
from tui.protocols.heartbeat import Pair


def story(watch: Watch) -> list[str]:
    """The facts of the run in order, one word each."""
    words = []
    for line in watch.lines:
        if line.get("finding"):
            continue
        detail = {
            "http": f" {line.get('dir')}", "frame": f" {line.get('dir')} {line.get('opcode')}",
            "eof": f" {line.get('dir')}", "route": f" {line.get('when')}", "tcp": f" {line.get('role')}",
            "tcp_info": f" {line.get('when')}", "end": f" {line.get('how')}",
        }  # fmt: skip
        words.append(line["type"] + detail.get(line["type"], ""))
    return words


async def test_the_facts_of_a_good_session_in_order(echo: str) -> None:
    watch, status = await run(echo, "--do", "0 send hello", "--do", "0.1 close 1000 bye")
    assert status == 0
    assert [word for word in story(watch) if word != "tcp_info end"] == [
        "probe", "target", "resolved", "tcp main", "route open", "http out", "http in", "open", "command",
        "frame out 1", "frame in 1", "command", "frame out 8", "frame in 8", "eof in", "route end", "end fin",
    ]  # fmt: skip
    request, answer = watch.of("http")
    assert (request["method"], request["target"], request["status"], answer["status"]) == ("GET", "/", None, 101)
    assert watch.the("open")["extensions"] and watch.the("tcp")["remote"] == echo[5:-1]
    sent, received = watch.of("frame", opcode=1)
    assert sent["text"] == received["text"] == "hello" and (sent["masked"], received["masked"]) == (True, False)
    close = watch.the("close")
    assert (close["initiator"], close["clean"], close["asked"], close["age"] >= 0.1) == ("local", True, True, True)


async def test_the_facts_of_a_good_stomp_session_in_order() -> None:
    async with brokering() as url:
        watch, status = await run(url, "--subscribe", "/topic/a", "--do", "0 disconnect")
    assert status == 0
    assert [line["command"] for line in watch.of("stomp")] == [
        "CONNECT", "CONNECTED", "SUBSCRIBE", "DISCONNECT", "RECEIPT",
    ]  # fmt: skip
    assert story(watch)[-5:].count("end fin") == 1
    assert watch.the("open")["subprotocol"] == "v12.stomp"
    # ``--do`` counts from ready, which CONNECTED is here.
    order = [line["n"] for line in watch.lines if line.get("command") == "CONNECTED" or line["type"] == "command"]
    assert order == sorted(order)


# Endings.


async def test_a_bare_fin() -> None:
    with ScriptedServer(scripts.drops(scripts.truncated)) as server:
        watch, status = await run(server.url)
    close = watch.the("close")
    assert status == 1
    assert (close["code"], close["synthetic"], close["initiator"], close["clean"]) == (1006, True, "remote", False)
    assert close["transport"] == {
        "how": "fin", "phase": "open", "errno": None, "detail": None, "alert": None, "close_notify": None,
        "undecoded": 0, "unread": 0, "unsent": 0,
    }  # fmt: skip
    assert "eof in" in story(watch)


async def test_a_close_with_code_and_reason() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(4321, "because")

    async with serving(leave) as url:
        watch, status = await run(url)
    close = watch.the("close")
    assert status == 1
    assert close["received"] == {"code": 4321, "reason": "because"}
    assert close["sent"] == {"code": 4321, "reason": ""}
    assert (close["initiator"], close["clean"], close["transport"]["how"]) == ("remote", True, "fin")


async def test_a_server_that_answers_our_close_and_stays() -> None:
    def stay(connection: Connection) -> None:
        connection.upgrade()
        connection.frame(Opcode.CLOSE, connection.receive_close())
        connection.hold()

    with ScriptedServer(stay) as server:
        watch, status = await run(server.url, "--do", "0 close", "--close-timeout", "0.3")
    end = watch.the("end")
    assert (status, end["how"], end["detail"]) == (0, "local", "close-timeout")
    assert watch.the("close")["clean"] is True


async def test_half_close() -> None:
    def goes_on(connection: Connection) -> None:
        connection.upgrade()
        assert connection.read_to_end() == b""
        connection.frame(Opcode.TEXT, b"still here")

    with ScriptedServer(goes_on) as server:
        async with probing(server.url, "--stdin") as watch:
            await seen(watch, "open")
            assert (await ask(watch, "half-close"))["ok"]
            await seen(watch, "end")
            assert await watch.finish() == 0
    assert story(watch)[9:] == ["eof out", "frame in 1", "eof in", "tcp_info end", "route end", "end fin", "stop"]
    close = watch.the("close")
    assert (close["initiator"], close["asked"], close["code"]) == ("local", True, 1006)


async def test_nothing_is_sent_after_half_close() -> None:
    def reads(connection: Connection) -> None:
        connection.upgrade()
        connection.read_to_end()
        connection.hold()

    with ScriptedServer(reads) as server:
        async with probing(server.url, "--stdin", "--close-timeout", "0.2") as watch:
            await seen(watch, "open")
            await ask(watch, "half-close")
            assert (await ask(watch, "send x"))["why"] == "command.half_closed"
            await watch.command("quit")
            assert await watch.finish() == 0
    assert watch.of("frame") == [] and watch.the("end")["detail"] == "close-timeout"


async def test_reset() -> None:
    ended: list[str] = []

    def watch_it_end(connection: Connection) -> None:
        connection.upgrade()
        try:
            connection.read_to_end()
            ended.append("fin")
        except ConnectionResetError:
            ended.append("reset")

    for words in ("reset", "abort"):
        with ScriptedServer(watch_it_end) as server:
            watch, status = await run(server.url, "--do", f"0 {words}")
        assert status == 0
        end, close = watch.the("end"), watch.the("close")
        assert (end["how"], end["detail"]) == ("local", words)
        assert (close["initiator"], close["sent"], close["code"], close["asked"]) == ("local", None, 1006, True)
    assert ended == ["reset", "fin"]


# Imitating a failing client.


@pytest.mark.alone
async def test_freeze_reads_nothing_and_answers_nothing_until_it_is_over() -> None:
    frozen_now = threading.Event()

    def pings(connection: Connection) -> None:
        connection.upgrade(subprotocol="v12.stomp")
        connection.receive()
        connection.frame(Opcode.TEXT, b"CONNECTED\nversion:1.2\nheart-beat:0,200\n\n\0")
        frozen_now.wait(10)
        connection.frame(Opcode.PING, b"there?")
        connection.frame(Opcode.CLOSE, connection.receive_close())

    with ScriptedServer(pings) as server:
        async with probing(f"stomp+{server.url}", "--heart-beat", "200,0", "--stdin") as watch:
            await seen(watch, "stomp", command="beat", count=2)
            frozen = await ask(watch, "freeze 1")
            frozen_now.set()
            assert (await ask(watch, "send x"))["why"] == "command.frozen"
            answered = await seen(watch, "frame", dir="out", opcode=10)
            beats = [line["m"] for line in watch.of("stomp", command="beat")]
            await seen(watch, "stomp", command="beat", count=len(beats) + 2)
            await watch.command("close")
            await seen(watch, "end")
            assert await watch.finish() == 0
    assert 1 <= answered["m"] - frozen["m"] < 1.2
    assert watch.the("frame", dir="in", opcode=9)["m"] - frozen["m"] >= 1, "it was not read before"
    beats = [line["m"] for line in watch.of("stomp", command="beat")]
    assert not [at for at in beats if frozen["m"] < at < frozen["m"] + 1]
    thawed = [at for at in beats if at >= frozen["m"] + 1]
    assert thawed[0] - frozen["m"] < 1.1, "the beat that was due leaves at once"
    assert thawed[1] - thawed[0] < 0.3, "and the cadence goes on"


async def test_held_beats_on_the_wire() -> None:
    policy = Policy(beats=Pair(300, 300), grace=0)
    async with brokering(policy) as url, probing(url, "--heart-beat", "200,0", "--stdin") as watch:
        agreed = await seen(watch, "heartbeat", layer="stomp-out", state="negotiated")
        assert agreed["every_ms"] == 300
        first = await seen(watch, "stomp", command="beat", dir="out")
        await ask(watch, "hold-beats")
        await seen(watch, "heartbeat", layer="stomp-out", state="late")
        await ask(watch, "release-beats")
        second = await seen(watch, "stomp", command="beat", dir="out", count=2)
        await ask(watch, "throttle-beats 900")
        third = await seen(watch, "stomp", command="beat", dir="out", count=3)
        assert await watch.finish() == 0
    steps = (second["m"] - first["m"]) / 0.3
    assert abs(steps - round(steps)) < 0.3 and round(steps) >= 2, "the cadence goes on while beats are held"
    assert third["m"] - second["m"] > 0.85
    assert watch.of("heartbeat", layer="stomp-out", state="recovered")[0]["gap_ms"] > 550


async def test_pings_both_ways_and_held_pongs() -> None:
    async def ping(connection: ServerConnection) -> None:
        waiting = await connection.ping(b"held")
        async for message in connection:
            await connection.send(message)
        del waiting

    async with serving(ping) as url, probing(url, "--stdin") as watch:
        await seen(watch, "frame", dir="out", opcode=10)
        await ask(watch, "hold-pongs")
        await ask(watch, "ping hello")
        answer = await seen(watch, "frame", dir="in", opcode=10)
        await ask(watch, "pong unasked")
        await ask(watch, "release-pongs")
        assert await watch.finish() == 0
    assert answer["b64"] == watch.the("frame", dir="out", opcode=9)["b64"] == "aGVsbG8="
    assert [frame["b64"] for frame in watch.of("frame", dir="out", opcode=10)] == ["aGVsZA==", "dW5hc2tlZA=="]


# What is sent, and how its fact reads.


async def test_every_way_to_send(echo: str, tmp_path: Path) -> None:
    file = tmp_path / "message"
    file.write_bytes(b"\xff\x00")
    async with probing(echo, "--stdin", "--no-compression") as watch:
        await seen(watch, "open")
        for words in (
            r"send a\x00\r\n你",
            "send-repeat ab 3",
            "send-binary 00 ff",
            f"send-file {file}",
            "send-raw raw",
        ):
            assert (await ask(watch, words))["ok"]
        assert (await ask(watch, "raw-frame 81 83 00000000 616263"))["ok"]
        await seen(watch, "frame", dir="in", count=6)
        assert await watch.finish() == 0
    sent = [(frame.get("text"), frame.get("b64"), frame["size"]) for frame in watch.of("frame", dir="out")[:6]]
    assert sent == [
        ("a\x00\r\n你", None, 7), ("ababab", None, 6), (None, "AP8=", 2), (None, "/wA=", 2), ("raw", None, 3),
        ("abc", None, 3),
    ]  # fmt: skip
    assert [(f.get("text"), f.get("b64"), f["size"]) for f in watch.of("frame", dir="in")[:6]] == sent
    assert [frame["head"] for frame in watch.of("frame", dir="out")][5] == "818300000000"


@pytest.mark.parametrize("compressed", [True, False])
async def test_text_of_ours_that_is_no_utf_8_is_said_to_be_none(compressed: bool, echo: str) -> None:
    plain = () if compressed else ("--no-compression",)
    watch, status = await run(echo, *plain, "--do", r"0 send br\xfbl\xe9e")
    sent = watch.of("frame", dir="out", opcode=1)[0]
    assert (status, sent["b64"], sent["error"], sent["deflate"]) == (1, "YnL7bOll", "utf8", compressed)
    assert watch.the("close")["received"]["code"] == 1007
    assert watch.of("verdict")[-1]["cause"] == "invalid-utf8"


async def test_deflate_is_smaller_on_the_wire_than_its_message(echo: str) -> None:
    watch, _ = await run(echo, "--do", "0 send-repeat abc 1000", "--do", "0.2 close")
    for frame in watch.of("frame", opcode=1):
        assert frame["deflate"] and frame["rsv"] == 4 and frame["size"] == 3000 and frame["wire"] < 200
        assert frame["text"] == "abc" * 1000


async def test_max_size() -> None:
    async def big(connection: ServerConnection) -> None:
        await connection.send("x" * 100)
        await connection.send("y" * 101)
        await connection.wait_closed()

    async with serving(big) as url:
        watch, status = await run(url, "--max-size", "100")
        unlimited, _ = await run(url, "--max-size", "0", "--duration", "0.5")
    assert status == 1
    fine, bad = watch.of("frame", dir="in", opcode=1)
    assert (fine.get("error"), bad["error"]) == (None, "too-big")
    assert watch.the("close")["sent"]["code"] == 1009
    assert [frame["size"] for frame in unlimited.of("frame", dir="in", opcode=1)] == [100, 101]


# Time.


@pytest.mark.alone
async def test_beats_keep_their_cadence_whatever_else_is_sent() -> None:
    def listen(connection: Connection) -> None:
        connection.upgrade(subprotocol="v12.stomp")
        connection.receive()
        connection.frame(Opcode.TEXT, b"CONNECTED\nversion:1.2\nheart-beat:0,200\n\n\0")
        connection.frame(Opcode.CLOSE, connection.receive_close())

    orders = [part for at in (0.05, 0.25, 0.33, 0.51, 0.7) for part in ("--do", f"{at} stomp-send /q hello")]
    with ScriptedServer(listen) as server:
        watch, _ = await run(f"stomp+{server.url}", "--heart-beat", "200,0", *orders, "--do", "1.3 close")
    ready = watch.the("stomp", command="CONNECTED")["m"]
    beats = [line["m"] - ready for line in watch.of("stomp", command="beat")]
    assert len(beats) == 6
    for number, at in enumerate(beats, 1):
        assert 0 <= at - number * 0.2 < 0.1


async def test_what_the_kernel_knows_after_1_2_and_4_seconds_of_silence(echo: str) -> None:
    watch, _ = await run(echo, "--do", "0 send x", "--duration", "4.6")
    last = watch.of("frame", dir="in", opcode=1)[0]["m"]
    silent = watch.of("tcp_info", when="silent")
    assert [round(info["m"] - last) for info in silent] == [1, 2, 4]
    for info in silent:
        assert abs(info["last_data_ms"] / 1000 - (info["m"] - last)) < 0.2
        assert (info["state"], info["outq"], info["unacked"]) == ("ESTABLISHED", 0, 0)
    assert len(watch.of("route", when="silent")) == 3
    assert len(watch.of("tcp_info", when="end")) == 1


async def test_what_the_kernel_still_held_is_counted() -> None:
    frozen_now, sent = threading.Event(), threading.Event()

    def floods(connection: Connection) -> None:
        connection.upgrade()
        frozen_now.wait(10)
        connection.frame(Opcode.BINARY, bytes(50_000))
        sent.set()
        connection.hold()

    with ScriptedServer(floods) as server:
        async with probing(server.url, "--stdin") as watch:
            await seen(watch, "open")
            await ask(watch, "freeze 1000")
            frozen_now.set()
            sent.wait(10)
            await ask(watch, "abort")
            assert await watch.finish() == 0
    assert watch.the("end")["unread"] == 50_004
    assert watch.of("frame") == []
