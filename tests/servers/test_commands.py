"""What our own acts do to a session with a server that answers, does not answer, or does not read."""

from tests.servers import scripts
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.watching import watching


async def test_a_timed_command_for_one_session_is_carried_out_once() -> None:
    with ScriptedServer(scripts.echo) as server:
        orders = ("--do", "0.1 B: send only B", "--do", "0.3 close")
        async with watching(server.url, server.url, *orders) as watch:
            assert await watch.finish() == 0

    assert [frame["s"] for frame in watch.of("frame", dir="out", text="only B")] == ["B"]
    assert watch.the("command", do="send only B")["s"] == "B"
    assert {command["s"] for command in watch.of("command", do="close")} == {"A", "B"}
    assert len(watch.of("command", do="close")) == 2


async def test_a_close_that_nobody_answers(recorder: Recorder) -> None:
    with ScriptedServer(scripts.after_upgrade(Connection.hold)) as server:
        async with watching(server.url, "--do", "0.1 close 1000 bye", "--close-timeout", "0.5") as watch:
            assert await watch.finish() == 0

    close = watch.the("close")
    assert (close["sent"], close["received"]) == ({"code": 1000, "reason": "bye"}, None)
    assert (close["code"], close["synthetic"], close["clean"]) == (1006, True, False)
    assert (close["initiator"], close["asked"], close["transport"]["how"]) == ("local", True, "local")
    recorder.keep("close-unanswered", watch)


async def test_a_ping_that_nobody_answers(recorder: Recorder) -> None:
    with ScriptedServer(scripts.answers_close_only) as server:
        async with watching(server.url, "--ping-interval", "0.3", "--ping-timeout", "0.4") as watch:
            assert await watch.finish() == 1

    close = watch.the("close")
    assert (close["sent"]["code"], close["initiator"]) == (1011, "local")
    assert close.get("asked", False) is False
    recorder.keep("ping-timeout", watch)


async def test_a_server_that_does_not_read(recorder: Recorder) -> None:
    size = 16_000_000
    with ScriptedServer(scripts.after_upgrade(Connection.hold)) as server:
        orders = (
            "--no-compression",
            "--do",
            f"0.1 send-repeat x {size}",
            "--do",
            "0.5 close",
            "--close-timeout",
            "0.5",
        )
        async with watching(server.url, *orders) as watch:
            assert await watch.finish() == 0

    assert not watch.of("frame", dir="out"), "the kernel never took the last byte of it"
    close = watch.the("close")
    assert 0 < close["transport"]["unsent"] <= size + 100
    assert (close["sent"], close["initiator"]) == (None, "local")
    recorder.keep("server-does-not-read", watch)
