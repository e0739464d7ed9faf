"""Clients that read too slowly while a server says much, and what servers do that do not wait for ever.

What the kernels between keep for a reader that is away is kept small here: otherwise it is some megabytes.
"""

import pytest

from tests.probing import ask, probing, seen
from tests.servers import node, python
from tests.servers.network import SERVER, network
from tests.servers.recordings import Recorder
from tests.servers.spring import LOGIN, Spring
from tests.servers.takes import Take
from tests.servers.together import together
from tests.watching import watching

pytestmark = pytest.mark.real

URL = f"ws://{SERVER}:8080/"
PLAIN = "--no-compression"
"""Deflate would make next to nothing of what is said."""
FLOOD = "50 4000"
"""Messages and the size of each: more than the kernels and the servers' limits hold."""


async def drops_a_slow_reader(
    name: str, server: list[str], words: str, pause: float, take: Take, recorder: Recorder
) -> None:
    """One of two sessions is told much and does not read."""
    with network(name[0] + name[-1]) as hosts:
        hosts.keep_little()
        with hosts.serving(server):
            async with watching(f"slow={URL}", f"well={URL}", PLAIN, "--stdin", on=hosts.client) as watch:
                for session in ("slow", "well"):
                    await seen(watch, "open", session)
                await watch.command(f"slow: send {words}")
                await watch.command(f"slow: freeze {pause}")
                await seen(watch, "close", "slow")
                await ask(watch, "send hello", "well")
                await seen(watch, "frame", "well", opcode=1, dir="in", text="hello")
                await watch.command("quit")
                assert await watch.finish() == 1
    close = watch.the("close", "slow")
    assert close["initiator"] == "remote" and close["age"] > pause - 0.2
    assert close["code"] == (1013 if "closed" in name else 1006)
    recorder.keep(take.of(name), watch)


async def servers_that_give_up_on_a_slow_reader(take: Take, recorder: Recorder) -> None:
    """One says why (1013), one cuts at once (Node's ``terminate``), one waits a second for each message."""
    above = take.one_of(20000, 40000, 60000)
    polite = {"above": above, "code": 1013, "reason": take.one_of("too slow", "slow consumer")}
    servers = {
        "node-ws-slow-reader-closed": (node.command("ws.mjs", SERVER, 8080, slow=polite), ""),
        "node-ws-slow-reader-cut": (node.command("ws.mjs", SERVER, 8080, slow={"above": above}), ""),
        "python-ws-slow-reader-cut": (python.command(SERVER, 8080, ping_interval=None), f" {take.between(0.5, 1)}"),
    }
    await together(
        drops_a_slow_reader(name, server, f"flood {FLOOD}{limit}", take.between(2, 3.5), take, recorder)
        for name, (server, limit) in servers.items()
    )


async def spring_gives_up_on_a_slow_reader(spring: Spring, take: Take, recorder: Recorder) -> None:
    """Its limits on the time of a send and on what waits behind it. A session that subscribed to nothing lives."""
    pause = take.between(2.5, 4)
    flood = take.one_of("50/4000", "40/6000", "30/9000")
    words = (*LOGIN, PLAIN, "--heart-beat", "0,500", "--stdin")
    async with probing(f"slow={spring.ws_url}", f"well={spring.ws_url}", *words) as watch:
        for session in ("slow", "well"):
            await seen(watch, "stomp", session, command="CONNECTED")
        await ask(watch, "subscribe /topic/flood", "slow")
        await ask(watch, f"freeze {pause}", "slow")
        await ask(watch, f"stomp-send /app/flood/{flood} x", "well")
        await seen(watch, "close", "slow")
        assert not watch.of("close", "well")
        await watch.command("quit")
        assert await watch.finish() == 1
    close = watch.the("close", "slow")
    assert (close["code"], close["initiator"]) == (4500, "remote")
    recorder.keep(take.of("spring-slow-reader"), watch)


async def a_slow_reader_that_a_server_waits_for(take: Take, recorder: Recorder) -> None:
    """All it was told comes when it reads again."""
    pause = take.between(1.5, 3)
    with network("w") as hosts:
        hosts.keep_little()
        with hosts.serving(python.command(SERVER, 8080, ping_interval=None)):
            async with watching(URL, PLAIN, "--stdin", on=hosts.client) as watch:
                await seen(watch, "open")
                await watch.command("send flood 20 4000 30")
                await watch.command(f"freeze {pause}")
                await seen(watch, "frame", opcode=1, dir="in", count=20)
                await watch.command("quit")
                assert await watch.finish() == 0
    recorder.keep(take.of("python-ws-slow-reader-waited-for"), watch)


@pytest.mark.extra
async def test_all_at_once(spring: Spring, take: Take, recorder: Recorder) -> None:
    await together(
        (
            servers_that_give_up_on_a_slow_reader(take, recorder),
            spring_gives_up_on_a_slow_reader(spring, take, recorder),
            a_slow_reader_that_a_server_waits_for(take, recorder),
        )
    )
