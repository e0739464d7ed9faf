"""--reconnect: again after every end nobody here asked for, with a back-off that is a fact, until told to stop."""

import pytest

from tests.probing import ask, probing, seen
from tests.servers import scripts
from tests.servers.ports import free_ports
from tests.servers.scripted import Connection, ScriptedServer
from tests.serving import LOOPBACK
from tests.watching import POSTMORTEM
from tui.probe.live import FIRST_S, MOST_S, backoff


async def test_it_connects_again_and_says_when() -> None:
    with ScriptedServer(scripts.drops(scripts.truncated)) as server:
        async with probing(server.url, "--reconnect", "--stdin") as watch:
            await seen(watch, "open", count=2)
            await watch.command("quit")
            status = await watch.finish()
    retry = watch.of("retry")[0]
    assert (retry["s"], retry["c"], retry["attempt"]) == ("A", 1, 1)
    second = watch.of("tcp", role="main", c=2)[0]
    assert retry["in_s"] - 0.01 <= second["m"] - retry["m"] <= retry["in_s"] + 1
    assert status == 1
    assert not watch.of("postmortem")


async def test_what_has_become_of_the_process_at_the_other_end_is_said_before_the_next_attempt() -> None:
    def drop(connection: Connection) -> None:
        connection.upgrade()
        connection.receive()
        scripts.truncated(connection)

    with ScriptedServer(drop) as server:
        async with probing(server.url, "--reconnect", "--stdin", "--do", "0.3 send end", **POSTMORTEM) as watch:
            await seen(watch, "open", count=2)
            await watch.command("quit")
            await watch.finish()
    [fact] = watch.of("postmortem")
    assert (fact["c"], fact["stage"], fact["ok"]) == (1, "program", True)
    assert fact["n"] < watch.of("tcp", role="main", c=2)[0]["n"]


async def test_what_never_opened_is_tried_again_ever_later() -> None:
    (port,) = free_ports(1)
    async with probing(f"ws://{LOOPBACK}:{port}/", "--reconnect", "--stdin") as watch:
        await seen(watch, "retry", count=2)
        await watch.command("quit")
        assert await watch.finish() == 3
    assert [fact["attempt"] for fact in watch.of("retry")] == [1, 2]


async def test_what_is_to_be_done_waits_for_the_first_connection_that_is_ready() -> None:
    served = iter([scripts.reset, scripts.echo, scripts.echo])
    with ScriptedServer(lambda connection: next(served)(connection)) as server:
        async with probing(server.url, "--reconnect", "--stdin", "--do", "0 send once") as watch:
            await seen(watch, "frame", c=2, dir="in", text="once")
            await watch.command("quit")
            assert await watch.finish() == 0
    assert not watch.of("open", c=1)


async def test_a_close_somebody_asked_for_stays_closed() -> None:
    with ScriptedServer(scripts.echo) as server:
        async with probing(server.url, "--reconnect", "--stdin") as watch:
            await seen(watch, "open")
            await ask(watch, "close")
            await seen(watch, "close")
            await watch.command("quit")
            assert await watch.finish() == 0
    assert not watch.of("retry")


async def test_reconnect_does_not_wait_for_the_back_off() -> None:
    (port,) = free_ports(1)
    async with probing(f"ws://{LOOPBACK}:{port}/", "--reconnect", "--stdin") as watch:
        first = await seen(watch, "retry", attempt=1)
        await ask(watch, "reconnect")
        second = await seen(watch, "end", c=2)
        assert second["m"] - first["m"] < first["in_s"]
        await watch.command("quit")
        await watch.finish()


@pytest.mark.parametrize("attempt", [1, 2, 5, 6, 50])
def test_the_back_off_grows_to_a_cap_and_differs(attempt: int) -> None:
    most = min(MOST_S, FIRST_S * 2 ** (attempt - 1))
    assert all(2 / 3 * most <= backoff(attempt) <= most for _ in range(50))
    assert len({backoff(attempt) for _ in range(20)}) > 1
