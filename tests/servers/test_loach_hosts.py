"""Another host and the line to it: it reboots, dies, or its program does; the line loses, is late, slow or narrow."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.servers.between import opened, says
from tests.servers.eels import NODE, looking
from tests.servers.lines import DEFAULT_RETRIES, leave, over, within
from tests.servers.outside import house_there
from tests.servers.pond import settled
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_server_just_closes(recorder: Recorder) -> None:
    """The look-alike: a program afar ends TCP at a word without a Close; a sibling with it is well."""

    async def rule(user: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(message)
        if message == "last":
            client.transport.write_eof()
            await asyncio.sleep(0.05)
            client.transport.close()

    with routed() as hosts:
        async with house_there(hosts, rule, ping_interval=None) as app, looking(hosts) as watch:
            url = f"ws://{SERVER}:{app.port}/?user="
            await opened(
                watch,
                kept={"url": f"{url}kept", "do": says(1.1, 8)},
                gone={"url": f"{url}gone", "do": [*says(0.8, 2.5), "3.4 send last"]},
            )
            await within(watch, 10, "close", "gone")
            await settled(watch, "gone")
            await leave(watch, "kept", status=1)
    assert watch.the("close", "gone")["transport"]["how"] == "fin"
    recorder.keep("loach-afar-program-just-ends-tcp", watch)


async def test_a_slow_line(start: Starter, recorder: Recorder) -> None:
    """48 kbit/s home, 39 kB wait in the queue: our ping's answer is behind them, and we give up."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node()
        hosts.start_python()
        words = ("rate", "48kbit", "burst", "3000", "limit", "2000000")
        hosts.router.run("tc", "qdisc", "add", "dev", "lan", "root", "tbf", *words)
        async with looking(hosts) as watch:
            await opened(
                watch,
                feed={
                    "url": NODE, "no_compression": True, "ping_interval": 1.2, "ping_timeout": 2.2,
                    "close_timeout": 0.6, "do": ["0.6 send small", "1.4 send flood 30 1300"],
                },
            )  # fmt: skip
            await within(watch, 20, "close", "feed")
            await over(watch, "feed", patience=9, stage="http")
            await settled(watch, "feed")
            await leave(watch)
    recorder.keep("loach-slow-line-pings-wait", watch)
