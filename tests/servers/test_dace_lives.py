"""Reloads, stops, restarts and deaths of reverse proxies, here and on another host."""

import asyncio
import os
import signal
from functools import partial

import pytest

from tests.servers.apache import Apache
from tests.servers.ashore import begun, doors
from tests.servers.between import says
from tests.servers.child import Daemon, children
from tests.servers.node import NodeWs
from tests.servers.outside import there
from tests.servers.pond import again_on, cut, heard, run
from tests.servers.recordings import Recorder
from tests.servers.routed import routed
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def killed(server: Daemon) -> None:
    """Master and workers at one stroke."""
    workers = children(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)


async def test_apache_is_killed_afar(start: Starter, recorder: Recorder) -> None:
    """Apache, all of it, is killed on another host and supervised: both come back; one past it is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        apache = await begun(hosts.server, start, Apache, app.port)
        doors(hosts, app, apache)

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 4)
            killed(apache)
            await asyncio.to_thread(apache.end)
            await asyncio.to_thread(partial(again_on, hosts.server, apache))

        tables = {
            "past": there(app.port, do=says(1.3, 9)),
            "a": there(apache.port, do=says(0.7, 2.9), reconnect=True),
            "b": there(apache.port, reconnect=True),
        }
        watch = await run(tables, "a", "b", strike=strike, back=["a", "b"], on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("dace-afar-apache-killed-back", watch)
