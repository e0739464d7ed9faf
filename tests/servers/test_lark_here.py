"""What happens on the client's own machine: a cable that is out for a while, a tool that kills sockets."""

import asyncio

import pytest

from tests.probing import seen
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import Table, opened, says
from tests.servers.child import installed
from tests.servers.goapps import Gobwas
from tests.servers.lines import beaten, echoed, leave, within
from tests.servers.node import NodeStomp
from tests.servers.node import command as node_command
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import INSIDE, SERVER, Routed, routed
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

HERE = f"ws://{LOOPBACK}:8098/"
"""A program on the client's own machine."""


def at_home(hosts: Routed) -> None:
    """Node's ws on the client's own loopback."""
    hosts.start(*node_command("ws.mjs", LOOPBACK, 8098), on=hosts.client)


async def a_cable_is_out_and_in_again(start: Starter, recorder: Recorder) -> None:
    """The cable is out for six seconds: a STOMP desk gives up and is back afterwards. One here is well."""
    with routed() as hosts:
        hosts.be_patient(2)
        at_home(hosts)
        broker = await begun(hosts.server, start, NodeStomp, beatEvery=1500, beats=1000)
        doors(hosts, broker)
        desk: Table = {"url": f"stomp+ws://{SERVER}:{broker.port}/", "heart_beat": "1500,1500", "reconnect": True}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                here={"url": HERE, "do": says(2.4, 40)},
                desk=desk | {"do": says(1.1, 5, "stomp-send /q/d 1"), "open_timeout": 2.0},
            )
            await beaten(watch, 2, "desk")
            hosts.client.ip("link", "set", "eth0", "down")
            await within(watch, 30, "close", "desk")
            await asyncio.sleep(2)
            hosts.client.ip("link", "set", "eth0", "up")
            hosts.client.ip("route", "add", "default", "via", INSIDE)
            await watch.until(lambda line: line["type"] == "stomp" and line.get("command") == "CONNECTED", 30, count=2)
            await asyncio.sleep(1)
            await leave(watch, "here", status=1)
    recorder.keep("lark-cable-out-and-in-again", watch)


async def a_tool_kills_sockets(start: Starter, recorder: Recorder) -> None:
    """A network tool on this machine kills the sockets to one port: a chat, which comes back; STOMP is spared."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Gobwas)
        broker = await begun(hosts.server, start, NodeStomp, beatEvery=1800, beats=1000)
        doors(hosts, server, broker)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                spared={"url": f"stomp+ws://{SERVER}:{broker.port}/", "heart_beat": "1800,1800"},
                chat={"url": f"ws://{SERVER}:{server.port}/ws", "do": says(0.9, 6), "reconnect": True},
            )
            await echoed(watch, 3, "chat")
            ss = installed("ss", "iproute2")
            hosts.client.run(ss, "-K", "-t", "state", "established", "dport", "=", f":{server.port}")
            await within(watch, 10, "close", "chat")
            await seen(watch, "open", "chat", count=2)
            await beaten(watch, 1, "spared")
            await leave(watch, "spared", status=1)
    assert watch.of("close", "chat")[0]["initiator"] == "local"
    recorder.keep("lark-sockets-killed-by-a-tool", watch)


async def test_this_machine(start: Starter, recorder: Recorder) -> None:
    """Two networks at a time."""
    await side_by_side((a_cable_is_out_and_in_again(start, recorder), a_tool_kills_sockets(start, recorder)))
