"""A program deployed behind Envoy, reloads of Apache and HAProxy, and stunnel afar whose backend goes or is gone."""

import asyncio
import os
import signal

import pytest

from tests.probing import seen
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.ashore import begun, doors
from tests.servers.between import says, stomps, ws
from tests.servers.envoy import Envoy
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW, GUEST
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.outside import there, there_stomp
from tests.servers.pond import again_on, cut, heard, refusals, run
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_wire_doors import trusts
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_the_program_behind_envoy_is_deployed(start: Starter, recorder: Recorder) -> None:
    """Node's program afar is stopped and runs again after 1.8 s: both come back; one at another program is well."""
    with routed() as hosts:
        app, other = await begun(hosts.server, start, NodeWs), await begun(hosts.server, start, NodeWs)
        envoy = await begun(hosts.server, start, Envoy, app.port)
        doors(hosts, envoy, other)
        tables = {
            "C": there(other.port, do=says(1.4, 9)),
            "B": there(envoy.port, do=["0.3 send hi"], reconnect=True),
            "A": there(envoy.port, do=says(0.8, 3), reconnect=True),
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "A", 3)
            await asyncio.to_thread(app.end, signal.SIGTERM)
            await asyncio.sleep(1.8)
            again_on(hosts.server, app)

        watch = await run(tables, "A", "B", strike=strike, back=["A", "B"], on=hosts.client.words)
    recorder.keep("hake-afar-envoy-node-redeployed-back", watch)


async def test_apache_is_told_to_hang_up(start: Starter, recorder: Recorder) -> None:
    """``apachectl restart``, a SIGHUP: the master lives, its child and what went through it do not."""
    app = start(NodeWs)
    apache = start(Apache, app.port)
    tables = {
        "C": ws(app.port, do=says(1.3, 9)),
        "B": ws(apache.port, do=["0.3 send hi"]),
        "A": ws(apache.port, do=says(0.8, 7)),
    }

    async def strike(watch: Watch) -> None:
        await heard(watch, "A", 3)
        os.kill(apache.pid, signal.SIGHUP)

    watch = await run(tables, "A", "B", strike=strike)
    cut(watch, "A", "B")
    recorder.keep("hake-apache-sighup", watch)


async def test_activemq_behind_stunnel_is_killed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Afar, STOMP over TLS: two are cut; stunnel takes in who comes then, and lets go."""
    with routed() as hosts:
        activemq = await begun(hosts.server, start, ActiveMq)
        stunnel = await begun(hosts.server, start, Stunnel, activemq.port, certificate)
        doors(hosts, stunnel)
        url = f"stomps://{SERVER}:{stunnel.port}"
        silent = stomps(0, "0,0", certificate, CREW, url=url, servername="localhost")

        async def strike(watch: Watch) -> None:
            await seen(watch, "stomp", "A", command="beat", dir="in", count=3)
            os.kill(activemq.pid, signal.SIGKILL)
            await asyncio.sleep(0.8)

        tables = {"B": silent, "A": silent | {"heart_beat": "1000,1000"}}
        late = {"late": silent}
        watch = await run(tables, "A", "B", "late", strike=strike, late=late, on=hosts.client.words)
    cut(watch, "A", "B")
    recorder.keep("hake-afar-stunnel-activemq-killed", watch)


async def test_haproxy_before_rabbitmq_is_reloaded(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Web-STOMP afar, one with beats and one without: 1.5 s after the reload they are cut, and come back."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, RabbitMq, certificate)
        haproxy = await begun(hosts.server, start, HaProxy, broker.port, hard_stop=1.5)
        doors(hosts, haproxy)
        tables = {
            "B": there_stomp(haproxy.port, "0,0", "/ws", reconnect=True, **GUEST),
            "A": there_stomp(haproxy.port, "1000,1000", "/ws", reconnect=True, **GUEST),
        }

        async def strike(watch: Watch) -> None:
            await seen(watch, "stomp", "A", command="beat", dir="in", count=3)
            haproxy.reload()

        watch = await run(tables, "A", "B", strike=strike, back=["A", "B"], on=hosts.client.words)
    cut(watch, "A", "B")
    recorder.keep("hake-afar-haproxy-reload-web-stomp-back", watch)


async def test_nobody_is_behind_stunnel(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The program behind stunnel afar has ended: TLS is spoken, and nobody answers the upgrade; another is well."""
    with routed() as hosts:
        app, other = await begun(hosts.server, start, NodeWs), await begun(hosts.server, start, NodeWs)
        stunnel = await begun(hosts.server, start, Stunnel, app.port, certificate)
        doors(hosts, stunnel, other)
        await asyncio.to_thread(app.end)
        refused = {"A": {"url": f"wss://{SERVER}:{stunnel.port}/"} | trusts(certificate)}
        watch = await refusals(refused, on=hosts.client.words, B=there(other.port, do=says(0.9, 5)))
    recorder.keep("hake-afar-stunnel-backend-gone", watch)
