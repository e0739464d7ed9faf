"""How a plain TCP server ends a WebSocket, honestly and not, and what ``watch`` says of it."""

from websockets.frames import Opcode

from tests.servers import scripts
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.watching import watching


async def test_we_close_and_the_server_answers(recorder: Recorder) -> None:
    with ScriptedServer(scripts.echo) as server:
        async with watching(server.url, "--do", "0.1 send hi", "--do", "0.3 close 4001 bye for now") as watch:
            assert await watch.finish() == 0

    close = watch.the("close")
    assert close["sent"] == close["received"] == {"code": 4001, "reason": "bye for now"}
    assert (close["initiator"], close["clean"], close["asked"]) == ("local", True, True)
    recorder.keep("close-asked", watch)


async def test_fin_in_mid_frame(recorder: Recorder) -> None:
    def cut(connection: Connection) -> None:
        connection.send(b"\x81\x7e\x10\x00" + b"a" * 100)
        scripts.truncated(connection)

    with ScriptedServer(scripts.after_upgrade(cut)) as server:
        async with watching(server.url) as watch:
            assert await watch.finish() == 1

    close = watch.the("close")
    assert (close["code"], close["synthetic"], close["initiator"]) == (1006, True, "remote")
    assert close["transport"]["how"] == "fin" and close["transport"]["undecoded"] == 104
    recorder.keep("fin-in-mid-frame", watch)


async def test_reset(recorder: Recorder) -> None:
    with ScriptedServer(scripts.drops(scripts.reset)) as server:
        async with watching(server.url) as watch:
            assert await watch.finish() == 1

    close = watch.the("close")
    assert (close["transport"]["how"], close["transport"]["errno"]) == ("reset", "ECONNRESET")
    assert [frame["text"] for frame in watch.of("frame", dir="in")] == ["hello"]
    recorder.keep("reset", watch)


async def test_a_close_and_a_reset_both_survive(recorder: Recorder) -> None:
    def close_and_reset(connection: Connection) -> None:
        connection.close(1011, "giving up")
        connection.receive_close()
        connection.reset()

    with ScriptedServer(scripts.after_upgrade(close_and_reset)) as server:
        async with watching(server.url) as watch:
            assert await watch.finish() == 1

    close = watch.the("close")
    assert close["received"] == {"code": 1011, "reason": "giving up"}
    assert (close["initiator"], close["clean"]) == ("remote", True)
    assert close["transport"]["how"] == "reset"
    recorder.keep("close-then-reset", watch)


async def test_a_close_without_a_code(recorder: Recorder) -> None:
    def close(connection: Connection) -> None:
        connection.frame(Opcode.CLOSE, b"")
        connection.receive_close()
        scripts.truncated(connection)

    with ScriptedServer(scripts.after_upgrade(close)) as server:
        async with watching(server.url) as watch:
            assert await watch.finish() == 1

    report = watch.the("close")
    assert (report["code"], report["synthetic"]) == (1005, True)
    assert report["received"] == {"code": None, "reason": ""}
    recorder.keep("close-without-code", watch)


async def test_refused() -> None:
    (port,) = free_ports(1)
    async with watching(f"ws://{LOOPBACK}:{port}/") as watch:
        assert await watch.finish() == 3

    close = watch.the("close")
    assert (close["transport"]["how"], close["transport"]["phase"]) == ("refused", "tcp")
    assert close["transport"]["errno"] == "ECONNREFUSED"
    assert (close["code"], close["age"], close["idle_any"]) == (1006, None, None)
