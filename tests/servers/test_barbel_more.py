"""Proxies in a row of which the inner one goes, one that is held, one alone, and sessions that outlive all of it."""

import pytest

from tests.probing import seen
from tests.servers.ashore import begun, doors
from tests.servers.between import says, sockjs, ws
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Nginx
from tests.servers.node import NodeStomp, NodeWs, SockJsNode
from tests.servers.outside import there_stomp
from tests.servers.pond import cut, heard, run
from tests.servers.ports import free_ports
from tests.servers.recordings import Recorder
from tests.servers.routed import routed
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_the_inner_proxy_is_reloaded(start: Starter, recorder: Recorder) -> None:
    """HAProxy at the edge, nginx in a pod behind it: a reload there with 0.9 s to go; the other path is well."""
    app, socks = start(NodeWs), start(SockJsNode, heartbeat_delay=1700)
    inner = start(Nginx, app.port, shutdown_timeout=0.9)
    # the rest of its frontend follows its rules: another one, which nobody uses, takes what comes after the backend
    rules = (
        "use_backend socks if { path_beg /echo }\n    default_backend back\n"
        f"backend socks\n    server s 127.0.0.1:{socks.port}\n"
        f"frontend nobody\n    bind 127.0.0.1:{free_ports(1)[0]}"
    )
    haproxy = start(HaProxy, inner.port, rules=rules)
    tables = {
        "other": sockjs(haproxy.port, "websocket", do=says(1.4, 8)),
        "a": ws(haproxy.port, do=says(0.8, 3), reconnect=True),
        "b": ws(haproxy.port, ping_interval=1.2, reconnect=True),
    }

    async def strike(watch: Watch) -> None:
        await heard(watch, "a", 3)
        inner.reload()

    watch = await run(tables, "a", "b", strike=strike, back=["a", "b"])
    cut(watch, "a", "b")
    recorder.keep("barbel-haproxy-inner-nginx-reloaded", watch)


async def test_an_operator_afar_shuts_a_server_of_two(start: Starter, recorder: Recorder) -> None:
    """A deployment takes one of two out (``maint``) and shuts its sessions, STOMP; they are at the other at once."""
    with routed() as hosts:
        one, two = (
            await begun(hosts.server, start, NodeStomp, beatEvery=900, beats=99),
            await begun(hosts.server, start, NodeStomp, beatEvery=900, beats=99),
        )
        haproxy = await begun(hosts.server, start, HaProxy, one.port, two.port, options="balance roundrobin")
        doors(hosts, haproxy)
        tables = {
            "a": there_stomp(haproxy.port, "900,900", reconnect=True),
            "b": there_stomp(haproxy.port, "900,900"),
            "c": there_stomp(haproxy.port, "0,900", reconnect=True),
        }

        async def strike(watch: Watch) -> None:
            await seen(watch, "stomp", "a", command="beat", dir="in", count=3)
            haproxy.say("set server back/1 state maint")
            haproxy.say("shutdown sessions server back/1")

        watch = await run(tables, "a", "c", strike=strike, back=["a", "c"], on=hosts.client.words)
    cut(watch, "a", "c")
    recorder.keep("barbel-afar-haproxy-one-of-two-out", watch)
