"""Processes of Node that die, are killed, stand still or cut their clients: here and on another host."""

import os
import re
import signal

import pytest

from tests.servers.between import says
from tests.servers.pond import cut, heard, run
from tests.servers.recordings import Recorder
from tests.servers.roach import Shop, shop_afar
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

ROW = '{"ev":"pos","id":7,"lat":52.52}'


async def test_one_worker_of_a_cluster(start: Starter, recorder: Recorder) -> None:
    """One of two workers of a cluster is killed, and the primary forks another: who was on the other worker stays."""
    shop = start(Shop, workers=2, feed={"every": 900, "text": ROW})

    async def strike(watch: Watch) -> None:
        await heard(watch, "b", 6)
        found = re.search(r"in b (\d+)", shop.log)
        assert found is not None
        os.kill(int(found[1]), signal.SIGKILL)

    tables = {"a": shop.of("a", *says(1.2, 7)), "b": shop.of("b", *says(0.7, 3.9), reconnect=True)}
    watch = await run(tables, "b", strike=strike, back=["b"])
    cut(watch, "b")
    recorder.keep("roach-node-cluster-worker-killed", watch)


async def test_all_are_ended_without_a_close(start: Starter, recorder: Recorder) -> None:
    """A program afar calls socket.end() for all of its three and lives on; busy or idle, nobody hears a Close."""
    with shop_afar(start) as (hosts, shop):

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 4)
            shop.ends("end")

        tables = {
            "a": shop.of("a", *says(0.7, 2.9), reconnect=True),
            "b": shop.of("b", "0.8 send hi"),
            "c": shop.of("c", ping_interval=1.2),
        }
        watch = await run(tables, "a", "b", "c", strike=strike, back=["a"], on=hosts.client.words)
    cut(watch, "a", "b", "c", how=("fin",))
    recorder.keep("roach-afar-node-ends-all-no-close", watch)
