"""A probe that was not scheduled says so: beats that were late meanwhile are nobody else's fault."""

import asyncio
import os
import signal

from tests.probing import ask, probing, seen


async def test_a_stopped_process_notices(echo: str) -> None:
    async with probing(echo, "--stdin") as watch:
        await seen(watch, "open")
        await ask(watch, "mark now")
        os.kill(watch.process.pid, signal.SIGSTOP)
        await asyncio.sleep(1.5)
        os.kill(watch.process.pid, signal.SIGCONT)
        stall = await seen(watch, "stall")
        assert await watch.finish() == 0
    assert stall["why"] == "scheduling"
    assert 1.4 < stall["mono"] < 2.5 and abs(stall["wall"] - stall["mono"]) < 0.1


async def test_a_process_that_runs_says_nothing(echo: str) -> None:
    async with probing(echo, "--duration", "1.2") as watch:
        assert await watch.finish() == 0
    assert watch.of("stall") == []
