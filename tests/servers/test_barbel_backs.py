"""What happens behind a reverse proxy that lives: servers killed, deployed, held, drained, shut by an operator."""

import os
import signal

import pytest

from tests.probing import seen
from tests.servers.ashore import begun, doors
from tests.servers.between import Table, says, ws
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate
from tests.servers.node import NodeStomp, NodeWs
from tests.servers.outside import there
from tests.servers.pond import cut, heard, run
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_wire_doors import trusts
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_an_operator_takes_a_server_out(start: Starter, recorder: Recorder) -> None:
    """Maintenance: HAProxy's one server is taken out and its sessions are shut; then it says 503 to who comes."""
    app, other = start(NodeWs), start(NodeWs)
    haproxy = start(HaProxy, app.port)
    tables = {
        "other": ws(other.port, do=says(1.2, 8)),
        "a": ws(haproxy.port, do=says(0.7, 8)),
        "b": ws(haproxy.port),
    }

    async def strike(watch: Watch) -> None:
        await heard(watch, "a", 3)
        haproxy.say("set server back/1 state maint")
        haproxy.say("shutdown sessions server back/1")

    watch = await run(tables, "a", "b", strike=strike)
    cut(watch, "a", "b")
    recorder.keep("barbel-haproxy-maint-and-sessions-shut", watch)


async def test_the_app_behind_stunnel_is_killed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """STOMP over WebSocket and TLS by stunnel; the program behind it is killed: stunnel takes who comes and lets go."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeStomp, beatEvery=900, beats=99)
        other = await begun(hosts.server, start, NodeWs)
        stunnel = await begun(hosts.server, start, Stunnel, app.port, certificate)
        doors(hosts, stunnel, other)
        base: Table = {"url": f"stomp+wss://{SERVER}:{stunnel.port}/", "heart_beat": "900,900"} | trusts(certificate)
        tables = {"other": there(other.port, do=says(1.3, 9)), "a": base, "b": base}

        async def strike(watch: Watch) -> None:
            await seen(watch, "stomp", "a", command="beat", dir="in", count=4)
            os.kill(app.pid, signal.SIGKILL)

        watch = await run(tables, "a", "b", strike=strike, on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("barbel-afar-stunnel-stomp-app-killed", watch)
