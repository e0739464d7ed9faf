"""Python's, Go's, Rust's and SockJS's servers that end their clients, and services on Node that do not let them in."""

import pytest

from tests.servers.between import says, ws
from tests.servers.pond import cut, heard, local_port, run, run_on
from tests.servers.recordings import Recorder
from tests.servers.roach import shop_afar
from tests.servers.rustapps import Axum
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_task_panics(start: Starter, recorder: Recorder) -> None:
    """axum: the task of one client panics, and its socket is dropped without a Close; the others' tasks live."""
    app = start(Axum)
    tables = {
        "a": ws(app.port, "/ws", do=says(1.1, 7)),
        "b": ws(app.port, "/ws", do=[*says(0.7, 2.5), "3.0 send panic"]),
        "c": ws(app.port, "/ws"),
    }
    watch = await run(tables, "b")
    cut(watch, "b")
    recorder.keep("roach-axum-task-panics", watch)


async def test_an_operator_kills_a_socket(start: Starter, recorder: Recorder) -> None:
    """``ss -K`` on the server's host for one of two: the program lives, the other goes on."""
    with shop_afar(start) as (hosts, shop):

        async def strike(watch: Watch) -> None:
            await heard(watch, "b", 3)
            run_on(hosts.server, "ss", "-K", "dport", "=", str(local_port(watch, "b")))

        tables = {"a": shop.of("a", *says(1.2, 7)), "b": shop.of("b", *says(0.8, 6))}
        watch = await run(tables, "b", strike=strike, on=hosts.client.words)
    cut(watch, "b", how=("reset",))
    recorder.keep("roach-afar-operator-ss-kill", watch)
