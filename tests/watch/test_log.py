"""Log lines for a person: one story a session, in both languages, with the words of the screen."""

import re

from tests.servers import scripts
from tests.servers.scripted import Connection, ScriptedServer
from tests.watching import watch_for_people

_LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} (bob|eve) ")


async def test_two_sessions_told_line_by_line(broker: str) -> None:
    said = await watch_for_people(
        f"bob={broker}",
        f"eve={broker}",
        "--subscribe",
        "/topic/a",
        "--do",
        "0.1 bob: send hello 你",
        "--do",
        "0.3 disconnect",
    )
    lines = said.out.decode().splitlines()
    assert (said.status, said.err) == (0, b"")
    assert all(_LINE.match(line) for line in lines)
    assert [line for line in lines if " eve " in line and "MESSAGE" in line and "hello 你" in line]
    for name in ("bob", "eve"):
        [close] = [line for line in lines if f" {name} " in line and "1000 Normal Closure" in line and "age" in line]
        assert "ended by: us" in close


async def test_a_drop_in_chinese() -> None:
    with ScriptedServer(scripts.drops(scripts.truncated)) as server:
        said = await watch_for_people(f"bob={server.url}", "--lang", "zh", "--glyphs", "ascii")
    lines = said.out.decode().splitlines()
    assert said.status == 1
    [close] = [line for line in lines if "1006" in line]
    assert "对端" in close and "线上没有" in close
    assert [line for line in lines if "原因：TCP 结束，没有 Close 帧" in line and "责任方：服务器" in line]
    assert [line for line in lines if "hello" in line]


async def test_the_end_of_stomp_over_tcp_has_no_code() -> None:
    def drops(connection: Connection) -> None:
        connection.send(b"MESS")
        scripts.truncated(connection)

    with ScriptedServer(scripts.after_connected(drops)) as server:
        said = await watch_for_people(f"bob={server.stomp_url}")
    lines = said.out.decode().splitlines()
    at = next(number for number, line in enumerate(lines) if "TCP has no code" in line)
    end, note, close, why = lines[at - 2 : at + 2]
    assert said.status == 1
    assert "why: TCP ended in the middle of a frame" in why and "side: server" in why
    assert "in the middle of a STOMP frame: 4 bytes" in note and " FIN" in end
    assert "TCP has no code" in close and "ended by: the peer" in close and "wire" not in close
